public import Markup

/// Asks whether to sign in by a one-time link: opening a link alone signs nobody in.
public struct OneTimeLinkView: PageView {
    private let path: String
    private let token: String

    /// A page with a button.
    ///
    /// - Parameters:
    ///   - path: of the link.
    ///   - token: what the form is signed with.
    public init(path: String, token: String) {
        self.path = path
        self.token = token
    }

    /// What the page is about.
    public var title: String { "Sign in" }
    /// None of the ledger's pages.
    public var place: PageName? { nil }

    /// A button.
    public var content: [HTML] {
        [
            .tag(
                "form",
                ["class": "panel", "method": "post", "action": path],
                [
                    .tag(
                        "div",
                        ["class": "empty"],
                        [
                            .tag("h1", text: "Sign in"),
                            .tag(
                                "p",
                                text: "This link signs you in once, on this computer."
                            ),
                            FormToken.field(token),
                            .tag(
                                "button",
                                ["class": "main", "type": "submit"],
                                text: "Sign in"
                            ),
                        ]
                    )
                ]
            )
        ]
    }
}

/// Why somebody is not signed in, and what to do.
public struct SignedOutView: PageView {
    /// Which way there is to sign in.
    public enum Way: Sendable {
        /// By a link that a command prints.
        case link
        /// At the identity provider.
        case provider(href: String)
        /// None is set up.
        case none
    }

    private let heading: String
    private let text: String
    private let way: Way

    /// A page for who is not signed in.
    public init(_ heading: String = "Please sign in", _ text: String = "", way: Way) {
        self.heading = heading
        self.text = text
        self.way = way
    }

    /// What the page is about.
    public var title: String { heading }
    /// None of the ledger's pages.
    public var place: PageName? { nil }

    /// A sentence, and a link where there is one.
    public var content: [HTML] {
        var parts: [HTML] = [.tag("h1", text: heading)]
        if !text.isEmpty { parts.append(.tag("p", text: text)) }
        switch way {
        case .link:
            parts.append(
                .tag(
                    "p",
                    [
                        .text("A new link is printed by "),
                        .tag("code", text: "episode-ledger sign-in-link"),
                        .text(" on the computer that the service runs on."),
                    ]
                )
            )
        case .provider(let href):
            parts.append(
                .tag("a", ["class": "button main", "href": href], text: "Sign in")
            )
        case .none:
            parts.append(
                .tag(
                    "p",
                    text: "Nobody can sign in here yet: the service is not told of an identity "
                        + "provider (serve --oidc-issuer), and it is not on this computer alone."
                )
            )
        }
        return [
            .tag("section", ["class": "panel"], [.tag("div", ["class": "empty"], parts)])
        ]
    }
}
