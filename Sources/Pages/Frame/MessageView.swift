public import Markup

/// A page that says one thing: what went wrong, and what to do.
public struct MessageView: PageView {
    /// What the page is about; of an error it begins so.
    public var title: String { isError ? "Error: \(heading)" : heading }
    private let heading: String
    private let isError: Bool
    private let paragraphs: [String]
    private let link: (href: String, words: String)?

    /// A page with a heading and some sentences.
    public init(
        _ heading: String,
        _ paragraphs: [String],
        link: (href: String, words: String)? = nil,
        isError: Bool = false
    ) {
        self.heading = heading
        self.isError = isError
        self.paragraphs = paragraphs
        self.link = link
    }

    /// None of the ledger's pages.
    public var place: PageName? { nil }

    /// The sentences.
    public var content: [HTML] {
        [
            .tag(
                "section",
                ["class": "panel"],
                [
                    .tag(
                        "div",
                        ["class": "empty"],
                        [.tag("h1", text: heading)] + paragraphs.map { .tag("p", text: $0) }
                            + (link.map {
                                [
                                    .tag(
                                        "a",
                                        ["class": "button", "href": $0.href],
                                        text: $0.words
                                    )
                                ]
                            } ?? [])
                    )
                ]
            )
        ]
    }
}
