/* A Modbus server over libmodbus for the tests.
 *
 *   libmodbus-server tcp PORT        listens on loopback
 *   libmodbus-server rtu DEVICE      115200 baud, no parity, unit 1
 *
 * Four tables of 1000 entries. Coils and holding registers are zero; discrete input i is set when i is divisible by
 * 3, input register i holds i * 7.
 */
#include <errno.h>
#include <modbus.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ENTRIES = 1000, MAX_CLIENTS = 32 };

static void answer(modbus_t *bus, const uint8_t *request, int length, modbus_mapping_t *map)
{
    if (modbus_reply(bus, request, length, map) == -1) {
        fprintf(stderr, "reply: %s\n", modbus_strerror(errno));
    }
}

static void serve_tcp(modbus_t *bus, modbus_mapping_t *map)
{
    uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    struct pollfd sockets[MAX_CLIENTS + 1];
    int count = 1;
    sockets[0].fd = modbus_tcp_listen(bus, MAX_CLIENTS);
    sockets[0].events = POLLIN;
    if (sockets[0].fd == -1) {
        fprintf(stderr, "listen: %s\n", modbus_strerror(errno));
        exit(1);
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        if (poll(sockets, (nfds_t)count, -1) == -1) {
            exit(1);
        }
        for (int i = count - 1; i > 0; i--) {
            if (sockets[i].revents == 0) {
                continue;
            }
            modbus_set_socket(bus, sockets[i].fd);
            int length = modbus_receive(bus, request);
            if (length > 0) {
                answer(bus, request, length, map);
            } else if (length == -1) {
                close(sockets[i].fd);
                sockets[i] = sockets[--count];
            }
        }
        if (sockets[0].revents != 0 && count <= MAX_CLIENTS) {
            int listening = sockets[0].fd;
            int client = modbus_tcp_accept(bus, &listening);
            if (client != -1) {
                sockets[count].fd = client;
                sockets[count].events = POLLIN;
                sockets[count++].revents = 0;
            }
        }
    }
}

static void serve_rtu(modbus_t *bus, modbus_mapping_t *map)
{
    uint8_t request[MODBUS_RTU_MAX_ADU_LENGTH];
    if (modbus_set_slave(bus, 1) == -1 || modbus_connect(bus) == -1) {
        fprintf(stderr, "open: %s\n", modbus_strerror(errno));
        exit(1);
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        int length = modbus_receive(bus, request);
        if (length > 0) {
            answer(bus, request, length, map);
        } else if (length == -1 && errno != EMBBADCRC && errno != EMBBADDATA && errno != ETIMEDOUT) {
            fprintf(stderr, "receive: %s\n", modbus_strerror(errno));
            exit(1);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s tcp PORT | rtu DEVICE\n", argv[0]);
        return 2;
    }
    modbus_mapping_t *map = modbus_mapping_new(ENTRIES, ENTRIES, ENTRIES, ENTRIES);
    int tcp = strcmp(argv[1], "tcp") == 0;
    modbus_t *bus = tcp ? modbus_new_tcp("127.0.0.1", atoi(argv[2])) : modbus_new_rtu(argv[2], 115200, 'N', 8, 1);
    if (bus == NULL || map == NULL) {
        fprintf(stderr, "start: %s\n", modbus_strerror(errno));
        return 1;
    }
    for (int i = 0; i < ENTRIES; i++) {
        map->tab_input_bits[i] = i % 3 == 0;
        map->tab_input_registers[i] = (uint16_t)(i * 7);
    }
    if (tcp) {
        serve_tcp(bus, map);
    } else {
        serve_rtu(bus, map);
    }
    return 0;
}
