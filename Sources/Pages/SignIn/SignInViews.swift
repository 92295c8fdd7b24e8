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
    /// The identity provider that people sign in with.
    public struct Provider: Sendable {
        /// As people know it.
        public var name: String
        /// Where signing in with it begins.
        public var path: String

        /// A provider.
        public init(name: String, path: String) { (self.name, self.path) = (name, path) }
    }

    private let heading: String
    private let text: String
    private let takesLinks: Bool
    private let provider: Provider?

    /// A page for who is not signed in.
    ///
    /// - Parameters:
    ///   - heading: what is the matter.
    ///   - text: why.
    ///   - takesLinks: whether links sign in to this service.
    ///   - provider: that signs in to this service; nil for none.
    public init(
        _ heading: String = "Please sign in",
        _ text: String = "",
        takesLinks: Bool,
        provider: Provider? = nil
    ) {
        self.heading = heading
        self.text = text
        self.takesLinks = takesLinks
        self.provider = provider
    }

    /// What the page is about.
    public var title: String { heading }
    /// None of the ledger's pages.
    public var place: PageName? { nil }

    /// A sentence, and how to sign in.
    public var content: [HTML] {
        var parts: [HTML] = [.tag("h1", text: heading)]
        if !text.isEmpty { parts.append(.tag("p", text: text)) }
        parts.append(way)
        return [
            .tag("section", ["class": "panel"], [.tag("div", ["class": "empty"], parts)])
        ]
    }

    private var way: HTML {
        if let provider {
            return .tag(
                "a",
                ["class": "button main", "href": provider.path],
                text: "Sign in with \(provider.name)"
            )
        }
        if takesLinks {
            return .tag(
                "p",
                [
                    .text("A new link is printed by "),
                    .tag("code", text: "episode-ledger sign-in-link"),
                    .text(" on the computer that the service runs on."),
                ]
            )
        }
        return .tag(
            "p",
            text: "Nobody can sign in here yet. Links sign in only where the service is "
                + "for its own computer: it listens on 127.0.0.1, or --public-url is "
                + "http://localhost. For everybody else it takes an identity provider: "
                + "--oidc-issuer."
        )
    }
}
