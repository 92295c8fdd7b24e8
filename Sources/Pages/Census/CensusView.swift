import Documents
public import Markup
public import Projections

/// Who is enrolled at a date.
public struct CensusView: PageView {
    private let census: CensusOfDate
    private let format: DisplayFormat

    /// The census of a date.
    public init(_ census: CensusOfDate, _ format: DisplayFormat) {
        self.census = census
        self.format = format
    }

    /// The date.
    public var title: String { "Census, \(format.longDate(census.day.date))" }
    /// The census.
    public var place: PageName? { .census }

    /// How many are enrolled.
    public var content: [HTML] {
        [
            .tag("div", ["class": "head"], [.tag("h1", text: title)]),
            .tag("p", text: "\(Words.count(census.day.clients, "client")) enrolled."),
        ]
    }
}
