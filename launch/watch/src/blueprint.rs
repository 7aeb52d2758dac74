//! How the viewer is laid out.

use crate::live::TIMELINE;
use crate::scene::PICTURE;
use rerun::blueprint::{
    Blueprint, ContainerLike, Horizontal, Spatial2DView, Spatial3DView, TextLogView, TimePanel,
    TimeSeriesView, Vertical,
};

/// The room at the left; picture, curves and words at the right.
pub fn blueprint() -> Blueprint {
    let side: [ContainerLike; 6] = [
        Spatial2DView::new("Wrist camera").with_origin(PICTURE).into(),
        TextLogView::new("Phases").with_origin("log").into(),
        TimeSeriesView::new("Localisation").with_origin("plots/localisation").into(),
        TimeSeriesView::new("Base").with_origin("plots/base").into(),
        TimeSeriesView::new("Gripper").with_origin("plots/gripper").into(),
        TimeSeriesView::new("Wrist").with_origin("plots/wrist").into(),
    ];
    let room: ContainerLike = Spatial3DView::new("Laboratory").with_origin("world").into();
    Blueprint::new(
        Horizontal::new([room, Vertical::new(side).with_row_shares([3.0, 2.0, 1.0, 1.0, 1.0, 1.0]).into()])
            .with_column_shares([3.0, 2.0]),
    )
    .with_time_panel(TimePanel::new().with_timeline(TIMELINE))
}
