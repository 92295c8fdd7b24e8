public import Ledger
public import Markup

/// Why somebody looks, whether keys do something, and who they are here.
public struct AccountView: PageView {
    private let session: SignInSession
    private let token: String
    private let isSaved: Bool

    /// A page about a session.
    ///
    /// - Parameters:
    ///   - session: of who reads the page.
    ///   - token: what the form is signed with.
    ///   - isSaved: whether it was just changed.
    public init(_ session: SignInSession, token: String, isSaved: Bool) {
        self.session = session
        self.token = token
        self.isSaved = isSaved
    }

    /// What the page is about.
    public var title: String { "Your account" }
    /// None of the ledger's pages.
    public var place: PageName? { nil }

    /// A form.
    public var content: [HTML] {
        var purposes = [choice("", "not said", isChosen: session.purpose == nil)]
        purposes += SignInSession.purposes.map { code, words in
            choice(code, words, isChosen: session.purpose == code)
        }
        return [
            .tag("div", ["class": "head"], [.tag("h1", text: "Your account")]),
            isSaved ? Notice(.good, "Saved", []).html : .nothing,
            .tag(
                "section",
                ["class": "panel"],
                [
                    .tag(
                        "form",
                        ["class": "body stack", "method": "post", "action": "/account"],
                        [
                            FormToken.field(token),
                            .tag("dl", ["class": "facts"], facts),
                            .tag(
                                "div",
                                ["class": "field"],
                                [
                                    .tag(
                                        "label",
                                        ["for": "purpose"],
                                        text: "Why you look at health information"
                                    ),
                                    .tag(
                                        "span",
                                        ["class": "hint", "id": "purpose-hint"],
                                        text: "Kept in the access log with every page you open."
                                    ),
                                    .tag(
                                        "select",
                                        [
                                            "id": "purpose", "name": "purpose",
                                            "aria-describedby": "purpose-hint",
                                        ],
                                        purposes
                                    ),
                                ]
                            ),
                            .tag(
                                "p",
                                [
                                    .tag(
                                        "label",
                                        [
                                            .tag(
                                                "input",
                                                [
                                                    "type": "checkbox", "name": "keys",
                                                    "value": "on",
                                                ]
                                                    + (session.usesKeys ? ["checked": ""] : [:])
                                            ),
                                            .text(
                                                " Single keys do something, such as / for search"
                                            ),
                                        ]
                                    )
                                ]
                            ),
                            .tag(
                                "p",
                                [
                                    .tag(
                                        "button",
                                        ["class": "main", "type": "submit"],
                                        text: "Save"
                                    )
                                ]
                            ),
                        ]
                    )
                ]
            ),
        ]
    }

    private var facts: [HTML] {
        var facts = [
            ("Signed in as", session.displayName),
            ("Roles", session.roles.joined(separator: ", ")),
            ("Ledgers", session.ledgers?.joined(separator: ", ") ?? "all"),
        ]
        if session.author.name != nil {
            facts.insert(("In the access log", session.subject), at: 1)
        }
        if let id = session.author.id { facts.append(("Author of what you record", id)) }
        if let issuer = session.issuer { facts.append(("Identity provider", issuer)) }
        return facts.flatMap { [.tag("dt", text: $0), .tag("dd", text: $1)] }
    }

    private func choice(_ code: String, _ words: String, isChosen: Bool) -> HTML {
        .tag(
            "option",
            ["value": code] + (isChosen ? ["selected": ""] : [:]),
            text: words
        )
    }
}

/// The ledgers that somebody may see.
public struct LedgersView: PageView {
    private let ledgers: [(name: String, path: String)]

    /// A list of ledgers, each with its first page.
    public init(_ ledgers: [(name: String, path: String)]) { self.ledgers = ledgers }

    /// What the page is about.
    public var title: String { "Ledgers" }
    /// None of the ledger's pages.
    public var place: PageName? { nil }

    /// A link to each.
    public var content: [HTML] {
        guard !ledgers.isEmpty else {
            return MessageView(
                "There is nothing that you may see",
                ["Your roles open no page of any ledger. Who runs the service can give you more."],
                link: ("/account", "Your account")
            ).content
        }
        return [
            .tag("div", ["class": "head"], [.tag("h1", text: "Ledgers")]),
            .tag(
                "section",
                ["class": "panel"],
                [
                    .tag(
                        "ul",
                        ["class": "look"],
                        ledgers.map { name, path in
                            .tag("li", [.tag("a", ["href": path], text: name)])
                        }
                    )
                ]
            ),
        ]
    }
}
