//! The battery.

use super::{BadMessage, bad, from_time, to_time};
use nightshift_core::robot::Battery;
use r2r::sensor_msgs::msg::BatteryState;

/// From here on a fed battery is called full.
const FULL: f64 = 0.985;
const STATUS_CHARGING: u8 = BatteryState::POWER_SUPPLY_STATUS_CHARGING as u8;
const STATUS_FULL: u8 = BatteryState::POWER_SUPPLY_STATUS_FULL as u8;

/// As `sensor_msgs/BatteryState` has it; what is not known is NaN there.
pub fn to_battery(battery: &Battery) -> BatteryState {
    let status = match battery.charging {
        true if battery.charge >= FULL => STATUS_FULL,
        true => STATUS_CHARGING,
        false => BatteryState::POWER_SUPPLY_STATUS_DISCHARGING as u8,
    };
    let mut message = BatteryState::default();
    message.header.stamp = to_time(battery.stamp);
    for unknown in [
        &mut message.voltage,
        &mut message.temperature,
        &mut message.current,
        &mut message.charge,
        &mut message.capacity,
        &mut message.design_capacity,
    ] {
        *unknown = f32::NAN;
    }
    message.percentage = battery.charge as f32;
    message.power_supply_status = status;
    message.present = true;
    message
}

/// Reads it. A full battery counts as fed, as a driver says `FULL` only at a charger.
///
/// # Errors
/// Where its share of a full charge is no share, or its stamp no time.
pub fn from_battery(message: &BatteryState) -> Result<Battery, BadMessage> {
    let charge = f64::from(message.percentage);
    if !(0.0..=1.0).contains(&charge) {
        return bad(format!("the battery's percentage {charge} is no share from 0 to 1"));
    }
    let charging = [STATUS_CHARGING, STATUS_FULL].contains(&message.power_supply_status);
    Ok(Battery { stamp: from_time(&message.header.stamp)?, charge, charging })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightshift_core::Stamp;

    #[test]
    fn a_battery_comes_back_and_a_share_that_is_none_is_refused() {
        for (charge, charging) in [(0.5, false), (0.25, true), (1.0, true)] {
            let battery = Battery { stamp: Stamp(3_000_000_005), charge, charging };
            assert_eq!(from_battery(&to_battery(&battery)).unwrap(), battery);
        }
        for percentage in [f32::NAN, -0.1, 80.0] {
            let message = BatteryState { percentage, ..BatteryState::default() };
            assert!(from_battery(&message).unwrap_err().to_string().contains("no share"));
        }
    }
}
