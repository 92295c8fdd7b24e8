public import Markup

/// A form that could not be taken, since its sender was signed out or the service could not work: whole, to
/// be sent again.
public struct LateFormView: PageView {
    private let action: String
    private let fields: [(name: String, value: String)]
    private let unavailable: String?

    /// A page that holds what was sent.
    ///
    /// - Parameters:
    ///   - action: where it was sent.
    ///   - fields: all of them as they were sent, the form's token included.
    ///   - unavailable: why the service could not take it; nil where its sender was signed out.
    public init(
        action: String,
        fields: [(name: String, value: String)],
        unavailable: String? = nil
    ) {
        self.action = action
        self.fields = fields
        self.unavailable = unavailable
    }

    /// What the page is about.
    public var title: String {
        unavailable == nil
            ? "You were signed out before this arrived" : "The service cannot answer at this moment"
    }
    /// None of the ledger's pages.
    public var place: PageName? { nil }

    /// What became of it, and what to do.
    public var content: [HTML] {
        [
            .tag(
                "section",
                ["class": "panel"],
                [
                    .tag(
                        "div",
                        ["class": "empty"],
                        [
                            .tag("h1", text: title),
                            way,
                            .tag(
                                "form",
                                ["method": "post", "action": action],
                                fields.map { field in
                                    .tag(
                                        "input",
                                        ["type": "hidden"] + .unseen("name", field.name)
                                            + .unseen("value", field.value)
                                    )
                                } + [
                                    .tag(
                                        "button",
                                        ["class": "main", "type": "submit"],
                                        text: "Send again"
                                    )
                                ]
                            ),
                        ]
                    )
                ]
            )
        ]
    }

    /// What became of it, and what to do first.
    private var way: HTML {
        if let unavailable {
            let detail = unavailable.prefix(1).uppercased() + unavailable.dropFirst()
            return .pieces([
                .tag("p", text: "\(detail)."),
                .tag(
                    "p",
                    text:
                        "What you typed is kept on this page alone: do not close it, and send it again "
                        + "in a moment. What was recorded already is not recorded twice."
                ),
            ])
        }
        return .pieces([
            .tag(
                "p",
                text:
                    "Nothing has been done with it, and it is kept on this page alone: do not close it."
            ),
            .tag(
                "p",
                [
                    .tag(
                        "a",
                        [
                            "class": "button", "href": "/sign-in", "target": "_blank",
                            "rel": "noopener",
                        ],
                        text: "Sign in in another tab"
                    )
                ]
            ), .tag("p", text: "Then come back here. Only you can send it again."),
        ])
    }
}
