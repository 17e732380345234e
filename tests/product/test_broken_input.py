"""Thirty broken configurations and thirty broken tag lists: each is refused with its file, its line and what to do."""

import pytest

from harness.product import command

GOOD = """version = 1
[server]
name = "plant"
[ua]
listen = "127.0.0.1:4840"
security = ["none"]
anonymous = "read"
[[link]]
name = "line1"
driver = "modbus-tcp"
address = "127.0.0.1:5020"
[[link.device]]
name = "press"
unit = 1
scan = "100ms"
[[link.device.tag]]
name = "temperature"
address = "40001"
type = "f32"
order = "CDAB"
access = "rw"
"""

CONFIGS = {
    # name: (what is replaced, by what, words that the answer must have besides file and line)
    "no version": ("version = 1\n", "", ["version"]),
    "future version": ("version = 1", "version = 99", ["version"]),
    "unknown section": ("[server]", "[sever]", ["sever", "server"]),
    "unknown key": ("name = \"plant\"", "nmae = \"plant\"", ["nmae", "name"]),
    "key of another section": ("anonymous = \"read\"", "scan = \"1s\"", ["scan"]),
    "wrong word": ("anonymous = \"read\"", "anonymous = \"yes\"", ["yes", "read"]),
    "unknown policy": ("security = [\"none\"]", "security = [\"basic128rsa15\"]", ["basic128rsa15", "basic256sha256"]),
    "listen without a port": ("127.0.0.1:4840", "127.0.0.1", ["127.0.0.1"]),
    "listen with a wrong port": ("127.0.0.1:4840", "127.0.0.1:99999", ["99999"]),
    "number for text": ("name = \"plant\"", "name = 5", ["name"]),
    "text for a number": ("unit = 1", "unit = \"one\"", ["unit"]),
    "unit out of range": ("unit = 1", "unit = 256", ["unit", "255"]),
    "negative unit": ("unit = 1", "unit = -1", ["unit"]),
    "duration without a unit": ("\"100ms\"", "\"100\"", ["scan", "with its unit"]),
    "duration as a number": ("\"100ms\"", "100", ["scan"]),
    "duration too short": ("\"100ms\"", "\"1ms\"", ["scan", "10ms"]),
    "duration that is none": ("\"100ms\"", "\"soon\"", ["soon"]),
    "unknown driver": ("modbus-tcp", "modbus-tpc", ["modbus-tpc", "modbus-tcp"]),
    "no driver": ("driver = \"modbus-tcp\"\n", "", ["driver"]),
    "no link name": ("name = \"line1\"\n", "", ["name"]),
    "no address of the link": ("address = \"127.0.0.1:5020\"\n", "", ["host:port"]),
    "bad address of the link": ("127.0.0.1:5020", "127.0.0.1:port", ["127.0.0.1:port"]),
    "dot in a link's name": ("\"line1\"", "\"line.1\"", ["line.1"]),
    "unknown type": ("\"f32\"", "\"float\"", ["float", "f32"]),
    "unknown order": ("CDAB", "ACBD", ["ACBD", "CDAB"]),
    "unknown access": ("\"rw\"", "\"write\"", ["write", "rw"]),
    "address of no table": ("40001", "90001", ["90001"]),
    "address beyond the table": ("40001", "465536", ["65536"]),
    "no address of the tag": ("address = \"40001\"\n", "", ["address"]),
    "writing to an input register": ("40001", "30001", ["input registers cannot be written"]),
    "two tags of one name": (
        "access = \"rw\"\n",
        "access = \"rw\"\n[[link.device.tag]]\nname = \"temperature\"\naddress = \"40010\"\n",
        ["temperature"],
    ),
    "two links of one name": ("[[link.device]]", "[[link]]\nname = \"line1\"\ndriver = \"sim\"\n[[link.device]]", ["line1"]),
    "text that never ends": ("\"CDAB\"", "\"CDAB", []),
    "not a table": ("[server]\nname = \"plant\"", "server = 5", ["server"]),
    "missing list": ("unit = 1", "unit = 1\ntags_csv = \"nowhere.csv\"", ["nowhere.csv"]),
}

HEAD = "name,address,type,access\n"
KEPWARE = (
    "Tag Name,Address,Data Type,Respect Data Type,Client Access,Scan Rate,Scaling,Raw Low,Raw High,Scaled Low,"
    "Scaled High,Scaled Data Type,Clamp Low,Clamp High,Eng Units,Description,Negate Value\n"
)


def kepware(name="Level", address="40010", kind="Word", access="R/W", rate="100", rest=",,,,,,,,,,"):
    return f'{KEPWARE}"{name}","{address}",{kind},1,{access},{rate}{rest}\n'


LISTS = {
    # name: (the file, the line that is wrong, words that the answer must have besides file and line)
    "empty": ("", None, ["empty", "header"]),
    "one unknown column": ("name,adress,type\na,40001,u16\n", 1, ["adress", "address"]),
    "no name column": ("address,type\n40001,u16\n", 1, ["name"]),
    "no address column": ("name,type\na,u16\n", 1, ["address"]),
    "two columns of one name": ("name,name,address\na,b,40001\n", 1, ["name"]),
    "no heading at all": ("a,40001,u16,rw\n", 1, []),
    "no name": (HEAD + ",40001,u16,rw\n", 2, ["name"]),
    "no address": (HEAD + "a,,u16,rw\n", 2, ["address"]),
    "too few cells": (HEAD + "a\n", 2, []),
    "too many cells": (HEAD + "a,40001,u16,rw,more\n", 2, []),
    "unknown type": (HEAD + "a,40001,word16,rw\n", 2, ["word16"]),
    "unknown access": (HEAD + "a,40001,u16,always\n", 2, ["always"]),
    "bad address": (HEAD + "a,X40001,u16,rw\n", 2, ["X40001"]),
    "address beyond the table": (HEAD + "a,465537,u16,rw\n", 2, ["65537", "65536"]),
    "two tags of one name": (HEAD + "a,40001,u16,rw\na,40002,u16,rw\n", 3, ["a"]),
    "a tag and a group of one name": (HEAD + "a,40001,u16,rw\na.b,40002,u16,rw\n", 3, ["a"]),
    "name with an empty part": (HEAD + "a..b,40001,u16,rw\n", 2, ["a..b"]),
    "quote that never ends": (HEAD + 'a,"40001,u16,rw\n', 2, []),
    "text after a quote": (HEAD + '"a"b,40001,u16,rw\n', 2, []),
    "name with a control character": (HEAD + "a\x07b,40001,u16,rw\n", 2, []),
    "bit beyond the register": (HEAD + "a,40001.16,bool,rw\n", 2, ["bit 16"]),
    "text without a length": (HEAD + "a,40001,string,rw\n", 2, []),
    "writing to an input": (HEAD + "a,100001,bool,rw\n", 2, ["discrete inputs"]),
    "type that does not fit coils": (HEAD + "a,000001,f32,rw\n", 2, ["coil", "f32"]),
    "array beyond the last register": (HEAD + "a,465530,u16[20],rw\n", 2, []),
    "Kepware: unknown type": (kepware(kind="Wort"), 2, ["Wort"]),
    "Kepware: unknown access": (kepware(access="RX"), 2, ["RX"]),
    "Kepware: scan rate that is no number": (kepware(rate="fast"), 2, ["fast"]),
    "Kepware: no address": (kepware(address=""), 2, ["ddress"]),
    "Kepware: scaling without its ends": (kepware(rest=",Linear,0,0,0,100,Double,0,0,,,0"), 2, []),
    "Kepware: unknown scaling": (kepware(rest=",Cubic,0,10,0,100,Double,0,0,,,0"), 2, ["Cubic"]),
}


def check(folder):
    """What the check says of the folder's configuration."""
    done = command("check", folder / "tagwire.toml", cwd=folder)
    text = done.stdout + done.stderr
    assert done.returncode == 3, f"exit code {done.returncode}: {text}"
    assert "panicked" not in text
    return text


def assert_says(text, file, line, words):
    assert file in text, text
    if line is not None:
        assert any(f"{file}:{number}" in text or f"line {number}" in text for number in (line,)), f"line {line}: {text}"
    for word in words:
        assert word in text, f"{word!r}: {text}"


def changed_line(new: str, old: str) -> int | None:
    """The first line that differs, when no line came or went."""
    before, after = old.splitlines(), new.splitlines()
    if len(before) != len(after):
        return None
    return next(number for number, pair in enumerate(zip(before, after), 1) if pair[0] != pair[1])


@pytest.mark.parametrize("name", CONFIGS)
def test_a_broken_configuration_is_refused_with_its_place_and_a_remedy(tmp_path, name):
    old, new, words = CONFIGS[name]
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    (tmp_path / "tagwire.toml").write_text(text)
    assert_says(check(tmp_path), "tagwire.toml", changed_line(text, GOOD), words)


@pytest.mark.parametrize("name", LISTS)
def test_a_broken_tag_list_is_refused_with_its_place_and_a_remedy(tmp_path, name):
    content, line, words = LISTS[name]
    (tmp_path / "tagwire.toml").write_text(GOOD.replace("unit = 1", 'unit = 1\ntags_csv = "press.csv"'))
    (tmp_path / "press.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert_says(check(tmp_path), "press.csv", line, words)


def test_the_good_one_is_good(tmp_path):
    (tmp_path / "tagwire.toml").write_text(GOOD)
    done = command("check", tmp_path / "tagwire.toml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_mistakes_are_told_at_once(tmp_path):
    text = GOOD.replace("unit = 1", "unti = 1").replace('"f32"', '"float"').replace('"100ms"', '"100"')
    text += '[[link.device.tag]]\nname = "second"\naddress = "90001"\n'
    (tmp_path / "tagwire.toml").write_text(text)
    said = check(tmp_path)
    for word in ("unti", "float", "90001", '"100"'):
        assert word in said, said
