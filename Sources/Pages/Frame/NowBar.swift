public import CareEpisode
import Documents
import Markup
public import ProjectionRuntime

/// What stands below the header of a page that is about now and everything that is known, and cannot show
/// another time: a form, or the machinery.
public struct NowBar: Sendable {
    let html: HTML

    /// The bar of a page.
    ///
    /// - Parameters:
    ///   - position: up to where what it shows takes part.
    ///   - moment: when it is made.
    ///   - format: how times are written.
    ///   - viewer: who reads it, for what is printed.
    public init(
        _ position: Position,
        at moment: Moment,
        _ format: DisplayFormat,
        viewer: String
    ) {
        let complete = "complete to event \(Words.grouped(position.rawValue))"
        let time = format.dateAndTime(moment.now)
        html = .tag(
            "section",
            ["class": "clocks", "aria-label": "Clocks"],
            [
                .tag("span", ["class": "clock"], [.tag("strong", text: "As of now")]),
                .tag(
                    "span",
                    ["class": "print"],
                    text: "\(complete); printed by \(viewer), \(time)"
                ),
                .tag("span", ["class": "fresh"], text: "\(format.time(moment.now)) · \(complete)"),
            ]
        )
    }
}
