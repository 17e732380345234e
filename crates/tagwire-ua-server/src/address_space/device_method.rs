//! The methods of a device. Each writes one of the device's system tags, so that clients without the habit of writing
//! flags can do the same by name.

/// A method of a device. It takes no arguments and gives none back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceMethod {
    /// Polls all tags once.
    DemandPoll,
    /// Takes the device into service.
    Enable,
    /// Takes the device out of service.
    Disable,
    /// Sets the statistics of the device to zero.
    ResetStatistics,
}

impl DeviceMethod {
    /// All methods, in the order in which they are shown.
    pub const ALL: &[Self] = &[Self::DemandPoll, Self::Enable, Self::Disable, Self::ResetStatistics];

    /// The BrowseName. In the NodeId it stands behind the device's path and `._`, where no tag can be.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DemandPoll => "DemandPoll",
            Self::Enable => "Enable",
            Self::Disable => "Disable",
            Self::ResetStatistics => "ResetStatistics",
        }
    }

    /// The method whose NodeId ends in `name`.
    pub(crate) fn from_id_name(name: &str) -> Option<Self> {
        let name = name.strip_prefix('_')?;
        Self::ALL.iter().copied().find(|method| method.name() == name)
    }

    /// What the method does, in a sentence.
    pub const fn description(self) -> &'static str {
        match self {
            Self::DemandPoll => "Polls all tags of the device once.",
            Self::Enable => "Takes the device into service.",
            Self::Disable => "Takes the device out of service; its tags become BadOutOfService.",
            Self::ResetStatistics => "Sets the statistics of the device to zero.",
        }
    }

    /// The system tag below the device that the method writes, and the value.
    pub(crate) const fn effect(self) -> (&'static str, bool) {
        match self {
            Self::DemandPoll => ("_System._DemandPoll", true),
            Self::Enable => ("_System._Enabled", true),
            Self::Disable => ("_System._Enabled", false),
            Self::ResetStatistics => ("_Statistics._Reset", true),
        }
    }
}
