public import Markup

/// A form that came after its sender was signed out: whole, to be sent again.
public struct LateFormView: PageView {
    private let action: String
    private let fields: [(name: String, value: String)]

    /// A page that holds what was sent.
    ///
    /// - Parameters:
    ///   - action: where it was sent.
    ///   - fields: all of them as they were sent, the form's token included.
    public init(action: String, fields: [(name: String, value: String)]) {
        self.action = action
        self.fields = fields
    }

    /// What the page is about.
    public var title: String { "You were signed out before this arrived" }
    /// None of the ledger's pages.
    public var place: PageName? { nil }

    /// What to do, in two steps.
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
                            .tag(
                                "p",
                                text: "Nothing has been done with it, and it is kept on this "
                                    + "page alone: do not close it."
                            ),
                            .tag(
                                "p",
                                [
                                    .tag(
                                        "a",
                                        [
                                            "class": "button", "href": "/sign-in",
                                            "target": "_blank", "rel": "noopener",
                                        ],
                                        text: "Sign in in another tab"
                                    )
                                ]
                            ),
                            .tag("p", text: "Then come back here. Only you can send it again."),
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
}
