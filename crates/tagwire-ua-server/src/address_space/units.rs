//! Units of measurement by their symbol, with the codes of UNECE recommendation 20 (Part 8, 5.6.3.3).

/// NamespaceUri of an EUInformation whose UnitId comes from a code.
pub(super) const NAMESPACE_URI: &str = "http://www.opcfoundation.org/UA/units/un/cefact";

/// A unit that the recommendation has.
pub(super) struct Unit {
    code: &'static str,
    /// The name in English.
    pub(super) name: &'static str,
}

impl Unit {
    /// The unit with a symbol; several may be in use for one unit.
    pub(super) fn find(symbol: &str) -> Option<Self> {
        let symbol = symbol.trim();
        // Two characters of Unicode look like the Greek letter and are used for it.
        let plain = symbol.replace('\u{B5}', "μ").replace('\u{2126}', "Ω");
        let found = UNITS.iter().find(|(symbols, ..)| symbols.split(' ').any(|known| known == plain))?;
        Some(Self { code: found.1, name: found.2 })
    }

    /// The UnitId: the characters of the code as one number, first character highest.
    pub(super) fn id(&self) -> i32 {
        self.code.bytes().fold(0, |id, byte| id << 8 | i32::from(byte))
    }
}

/// Symbols, code and name.
const UNITS: &[(&str, &str, &str)] = &[
    ("°C degC ℃", "CEL", "degree Celsius"),
    ("°F degF", "FAH", "degree Fahrenheit"),
    ("K", "KEL", "kelvin"),
    ("m", "MTR", "metre"),
    ("km", "KMT", "kilometre"),
    ("dm", "DMT", "decimetre"),
    ("cm", "CMT", "centimetre"),
    ("mm", "MMT", "millimetre"),
    ("μm um", "4H", "micrometre"),
    ("nm", "C45", "nanometre"),
    ("in", "INH", "inch"),
    ("ft", "FOT", "foot"),
    ("yd", "YRD", "yard"),
    ("m² m2", "MTK", "square metre"),
    ("cm² cm2", "CMK", "square centimetre"),
    ("mm² mm2", "MMK", "square millimetre"),
    ("km² km2", "KMK", "square kilometre"),
    ("ha", "HAR", "hectare"),
    ("m³ m3", "MTQ", "cubic metre"),
    ("dm³ dm3", "DMQ", "cubic decimetre"),
    ("cm³ cm3", "CMQ", "cubic centimetre"),
    ("mm³ mm3", "MMQ", "cubic millimetre"),
    ("l L", "LTR", "litre"),
    ("hl hL", "HLT", "hectolitre"),
    ("ml mL", "MLT", "millilitre"),
    ("s", "SEC", "second"),
    ("ms", "C26", "millisecond"),
    ("μs us", "B98", "microsecond"),
    ("ns", "C47", "nanosecond"),
    ("min", "MIN", "minute"),
    ("h", "HUR", "hour"),
    ("d", "DAY", "day"),
    ("Hz", "HTZ", "hertz"),
    ("kHz", "KHZ", "kilohertz"),
    ("MHz", "MHZ", "megahertz"),
    ("GHz", "A86", "gigahertz"),
    ("rpm r/min 1/min U/min", "RPM", "revolutions per minute"),
    ("1/s", "C97", "reciprocal second"),
    ("rad", "C81", "radian"),
    ("° deg", "DD", "degree of angle"),
    ("rad/s", "2A", "radian per second"),
    ("m/s", "MTS", "metre per second"),
    ("m/min", "2X", "metre per minute"),
    ("mm/s", "C16", "millimetre per second"),
    ("km/h", "KMH", "kilometre per hour"),
    ("mph", "HM", "mile per hour"),
    ("in/s", "IU", "inch per second"),
    ("m/s² m/s2", "MSK", "metre per second squared"),
    ("kg", "KGM", "kilogram"),
    ("g", "GRM", "gram"),
    ("mg", "MGM", "milligram"),
    ("μg ug", "MC", "microgram"),
    ("t", "TNE", "tonne"),
    ("lb", "LBR", "pound"),
    ("oz", "ONZ", "ounce"),
    ("kg/s", "KGS", "kilogram per second"),
    ("kg/h", "E93", "kilogram per hour"),
    ("t/h", "E18", "tonne per hour"),
    ("kg/m³ kg/m3", "KMQ", "kilogram per cubic metre"),
    ("g/cm³ g/cm3", "23", "gram per cubic centimetre"),
    ("g/l g/L", "GL", "gram per litre"),
    ("N", "NEW", "newton"),
    ("kN", "B47", "kilonewton"),
    ("mN", "C20", "millinewton"),
    ("Nm N·m", "NU", "newton metre"),
    ("kNm kN·m", "B48", "kilonewton metre"),
    ("Pa", "PAL", "pascal"),
    ("hPa", "A97", "hectopascal"),
    ("kPa", "KPA", "kilopascal"),
    ("MPa", "MPA", "megapascal"),
    ("bar", "BAR", "bar"),
    ("mbar", "MBR", "millibar"),
    ("psi", "PS", "pound-force per square inch"),
    ("atm", "ATM", "standard atmosphere"),
    ("J", "JOU", "joule"),
    ("kJ", "KJO", "kilojoule"),
    ("MJ", "3B", "megajoule"),
    ("GJ", "GV", "gigajoule"),
    ("Wh W·h", "WHR", "watt hour"),
    ("kWh kW·h", "KWH", "kilowatt hour"),
    ("MWh MW·h", "MWH", "megawatt hour"),
    ("W", "WTT", "watt"),
    ("mW", "C31", "milliwatt"),
    ("kW", "KWT", "kilowatt"),
    ("MW", "MAW", "megawatt"),
    ("GW", "A90", "gigawatt"),
    ("VA V·A", "D46", "volt - ampere"),
    ("kVA kV·A", "KVA", "kilovolt - ampere"),
    ("MVA MV·A", "MVA", "megavolt - ampere"),
    ("var", "D44", "var"),
    ("kvar", "KVR", "kilovar"),
    ("Mvar", "MAR", "megavar"),
    ("A", "AMP", "ampere"),
    ("kA", "B22", "kiloampere"),
    ("mA", "4K", "milliampere"),
    ("μA uA", "B84", "microampere"),
    ("Ah A·h", "AMH", "ampere hour"),
    ("V", "VLT", "volt"),
    ("kV", "KVT", "kilovolt"),
    ("mV", "2Z", "millivolt"),
    ("μV uV", "D82", "microvolt"),
    ("Ω Ohm ohm", "OHM", "ohm"),
    ("kΩ kOhm", "B49", "kiloohm"),
    ("MΩ MOhm", "B75", "megaohm"),
    ("S", "SIE", "siemens"),
    ("μS/cm uS/cm", "G42", "microsiemens per centimetre"),
    ("mS/cm", "H61", "millisiemens per centimetre"),
    ("F", "FAR", "farad"),
    ("μF uF", "4O", "microfarad"),
    ("nF", "C41", "nanofarad"),
    ("pF", "4T", "picofarad"),
    ("H", "81", "henry"),
    ("mH", "C14", "millihenry"),
    ("C", "COU", "coulomb"),
    ("T", "D33", "tesla"),
    ("lx", "LUX", "lux"),
    ("lm", "LUM", "lumen"),
    ("cd", "CDL", "candela"),
    ("mol", "C34", "mole"),
    ("mol/l mol/L", "C38", "mole per litre"),
    ("%", "P1", "percent"),
    ("‰", "NX", "part per thousand"),
    ("ppm", "59", "part per million"),
    ("ppb", "61", "part per billion (US)"),
    ("dB", "2N", "decibel"),
    ("pH", "Q30", "pH (potential of Hydrogen)"),
    ("m³/h m3/h", "MQH", "cubic metre per hour"),
    ("m³/min m3/min", "G53", "cubic metre per minute"),
    ("m³/s m3/s", "MQS", "cubic metre per second"),
    ("l/h L/h", "E32", "litre per hour"),
    ("l/min L/min", "L2", "litre per minute"),
    ("l/s L/s", "G51", "litre per second"),
    ("pcs Stk", "H87", "piece"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_lead_to_the_numbers_of_their_codes() {
        let id = |symbol: &str| Unit::find(symbol).map(|unit| unit.id());
        assert_eq!(id("°C"), Some(4_408_652));
        assert_eq!(id("m"), Some(5_067_858));
        assert_eq!(id("%"), Some(20_529));
        assert_eq!(id("\u{B5}m"), id("μm"));
        assert_eq!(id("furlong"), None);
        assert_eq!(id(""), None);
    }

    #[test]
    fn each_symbol_and_each_code_stands_for_one_unit() {
        let mut symbols: Vec<&str> = UNITS.iter().flat_map(|(symbols, ..)| symbols.split(' ')).collect();
        let mut codes: Vec<&str> = UNITS.iter().map(|(_, code, _)| *code).collect();
        for list in [&mut symbols, &mut codes] {
            let n_all = list.len();
            list.sort_unstable();
            list.dedup();
            assert_eq!(list.len(), n_all);
        }
        assert!(codes.iter().all(|code| (2..=3).contains(&code.len())));
    }
}
