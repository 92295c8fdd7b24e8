public import Markup

/// What a page shows: the content alone, whoever reads it.
public protocol PageView: Sendable {
    /// In the browser's title, before the ledger's name; never a client's.
    var title: String { get }
    /// Which link of the header it belongs to.
    var place: PageName? { get }
    /// Below the clocks.
    var content: [HTML] { get }
    /// What changes in place while the page is looked at, by the ids of the elements that hold it.
    var parts: [String: [HTML]] { get }
    /// What comes and goes while the page is looked at: a line of text says so, and nothing moves.
    var members: PageMembers { get }
    /// Whether there is such a page of a list.
    var hasPage: Bool { get }
}

extension PageView {
    /// Nothing changes.
    public var parts: [String: [HTML]] { [:] }
    /// Nothing comes or goes.
    public var members: PageMembers { PageMembers([String](), came: "", went: "") }
    /// No list.
    public var hasPage: Bool { true }
}

/// What comes and goes on a page.
public struct PageMembers: Sendable {
    private let ids: Set<String>
    private let came: String
    private let went: String

    /// What is on the page.
    ///
    /// - Parameters:
    ///   - ids: of each.
    ///   - came: what is said of those that came, after their number: "admitted".
    ///   - went: the same of those that went.
    public init(_ ids: some Sequence<some CustomStringConvertible>, came: String, went: String) {
        self.ids = Set(ids.map(\.description))
        self.came = came
        self.went = went
    }

    /// How many came and went since, with a link that shows them; nil where nothing did.
    public func moves(since earlier: PageMembers) -> String? {
        let moves = [
            (ids.subtracting(earlier.ids).count, came), (earlier.ids.subtracting(ids).count, went),
        ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        guard !moves.isEmpty else { return nil }
        let link = HTML.tag("a", ["href": ""], text: "Show")
        return "\(moves.joined(separator: ", ")) since you opened this page. \(link.markup)"
    }
}

/// The pages that the header links to, in its order.
public enum PageName: String, CaseIterable, Sendable {
    case census, sheet, medication, attendance, summaries, outcomes, operations

    /// As the header names it.
    public var words: String {
        self == .sheet ? "Group sheet" : rawValue.prefix(1).uppercased() + rawValue.dropFirst()
    }

    /// The key that leads there after `g`.
    var key: String {
        switch self {
        case .summaries: "u"
        case .operations: "p"
        default: String(rawValue.prefix(1))
        }
    }
}

/// Something to know before the content is read.
public struct Notice: Sendable {
    /// How serious it is.
    public enum Kind: String, Sendable {
        case plain, good, known, warn, stop
    }

    let html: HTML

    /// A notice with a heading and a text.
    public init(_ kind: Kind, _ title: String, _ content: [HTML]) {
        html = .tag(
            "div",
            ["class": kind == .plain ? "notice" : "notice \(kind.rawValue)"],
            [.tag("h2", text: title), .tag("p", content)]
        )
    }
}

/// What stands around every page: header, clocks, foot.
public struct PageFrame: Sendable {
    /// Who reads the page.
    public struct Viewer: Sendable {
        /// As the header names them.
        public var name: String
        /// Who it is, whatever the name.
        public var subject: String
        /// What the form to sign out is signed with.
        public var signOutToken: String
        /// Whether single keys do something.
        public var usesKeys: Bool
        /// After so many seconds in which nothing is asked for, the session is over.
        public var idleSeconds: Int
        /// After so many seconds it is over, whatever is asked for.
        public var longestSeconds: Int

        /// Who reads the page.
        public init(
            name: String,
            subject: String,
            signOutToken: String,
            usesKeys: Bool,
            idleSeconds: Int,
            longestSeconds: Int
        ) {
            self.name = name
            self.subject = subject
            self.signOutToken = signOutToken
            self.usesKeys = usesKeys
            self.idleSeconds = idleSeconds
            self.longestSeconds = longestSeconds
        }
    }

    /// Where what is sought is sent to.
    public struct Search: Sendable {
        /// With the clocks of the page, which what is found keeps.
        public var address: PageAddress
        /// What the form is signed with.
        public var token: String

        /// Where what is sought is sent to.
        public init(_ address: PageAddress, token: String) {
            self.address = address
            self.token = token
        }
    }

    /// The ledger; nil of pages that are about none.
    public var ledger: String?
    /// The pages of the ledger that the viewer may see, with their addresses.
    public var pages: [(name: PageName, address: PageAddress)] = []
    /// Nil of pages for everybody.
    public var viewer: Viewer?
    /// Where the form to search goes; nil where there is nothing to search.
    public var search: Search?
    /// Nil where there is no answer about a time.
    public var clocks: ClockBar?
    /// In place of the clocks, of a page that is about now alone.
    public var now: NowBar?
    /// Above the content.
    public var notices: [Notice] = []
    /// What differs between two knowledge times, below the heading.
    public var comparison: HTML = .nothing
    /// The zone of the times, with its offset.
    public var zone: String?
    /// The request, as the access log has it.
    public var requestID: String
    /// Whether the page is read from three meters.
    public var isWall = false
    /// Whether names are printed too.
    public var namesOnPaper = false
    /// The same page with names where they are not shown, or without; nil where there are none.
    public var otherNames: (words: String, address: PageAddress)?
    /// Where changes of this page come from; nil where it does not change by itself.
    public var live: String?

    /// The frame of an answer to a request.
    public init(requestID: String) { self.requestID = requestID }

    /// The whole page.
    public func page(_ view: some PageView) -> String {
        let title = [view.title, ledger, "EpisodeLedger"].compactMap(\.self)
            .joined(separator: " · ")
        let head: [HTML] = [
            .tag("meta", ["charset": "utf-8"]),
            .tag(
                "meta",
                ["name": "viewport", "content": "width=device-width, initial-scale=1"]
            ),
            .tag("title", text: title),
            .tag("link", ["rel": "stylesheet", "href": Assets.style.path]),
            .tag("link", ["rel": "icon", "href": Assets.icon.path]),
            .tag("script", ["src": Assets.script.path, "defer": ""]),
        ]
        let body =
            (["class": isWall ? "wall" : "paper-names"] as Attributes)
            .when(isWall || namesOnPaper)
            + (["data-keys": "on"] as Attributes).when(viewer?.usesKeys ?? false)
            + (live.map { ["data-live": $0] } ?? [:])
        let notices = (clocks?.notices ?? []) + notices
        let content = view.content
        let page = HTML.tag(
            "html",
            ["lang": "en"],
            [
                .tag("head", head),
                .tag(
                    "body",
                    body,
                    [
                        .tag(
                            "a",
                            ["class": "skip", "href": "#main"],
                            text: "Skip to the content"
                        ),
                        header(view.place),
                        clocks?.html ?? now?.html ?? .nothing,
                        .tag(
                            "main",
                            ["id": "main"],
                            notices.map(\.html) + content.prefix(1) + [comparison]
                                + content.dropFirst() + [status]
                        ),
                        foot, viewer?.usesKeys ?? false ? KeyList.dialog : .nothing,
                    ]
                ),
            ]
        )
        return "<!DOCTYPE html>\n\(page.markup)\n"
    }

    // MARK: - Header and foot

    private func header(_ place: PageName?) -> HTML {
        let home = pages.first?.address.href ?? "/"
        return .tag(
            "header",
            ["class": "top"],
            [
                .tag(
                    "a",
                    ["class": "brand", "href": home],
                    [Self.mark, .text("EpisodeLedger ")]
                        + (ledger.map { [.tag("span", ["class": "ledger"], text: $0)] } ?? [])
                ),
                pages.isEmpty ? .nothing : navigation(place),
                search.map(form) ?? .nothing,
                viewer.map(who) ?? .nothing,
            ]
        )
    }

    private static let mark = HTML.tag(
        "svg",
        ["viewBox": "0 0 22 22", "aria-hidden": "true"],
        [
            .tag(
                "path",
                [
                    "d": "M3 5.5h16M3 11h10.5M3 16.5h16", "stroke": "currentColor",
                    "stroke-width": "2", "fill": "none",
                ]
            ),
            .tag(
                "circle",
                [
                    "cx": "17.5", "cy": "11", "r": "2.6", "fill": "none",
                    "stroke": "var(--known)", "stroke-width": "2",
                ]
            ),
        ]
    )

    private func navigation(_ place: PageName?) -> HTML {
        .tag(
            "nav",
            ["aria-label": "Pages"],
            [
                .tag(
                    "ul",
                    pages.map { name, address in
                        .tag(
                            "li",
                            [
                                .tag(
                                    "a",
                                    ["href": address.href, "data-key": name.key]
                                        + (name == place ? ["aria-current": "page"] : [:]),
                                    text: name.words
                                )
                            ]
                        )
                    }
                )
            ]
        )
    }

    private func form(_ search: Search) -> HTML {
        .tag(
            "form",
            [
                "class": "find", "role": "search", "method": "post",
                "action": search.address.href,
            ],
            [
                FormToken.field(search.token),
                .tag(
                    "label",
                    ["class": "hidden", "for": "q"],
                    text: "Client key, episode, event or position"
                ),
                .tag(
                    "input",
                    [
                        "id": "q", "name": "q", "placeholder": "Key or episode",
                        "autocomplete": "off", "aria-keyshortcuts": "/",
                    ]
                ),
            ]
        )
    }

    private func who(_ viewer: Viewer) -> HTML {
        .tag(
            "div",
            [
                "class": "who", "data-subject": viewer.subject,
                "data-idle": "\(viewer.idleSeconds)",
                "data-longest": "\(viewer.longestSeconds)",
            ],
            [
                .tag("a", ["href": "/account"], text: viewer.name),
                .tag(
                    "form",
                    ["method": "post", "action": "/sign-out"],
                    [
                        FormToken.field(viewer.signOutToken),
                        .tag(
                            "button",
                            ["class": "small", "type": "submit"],
                            text: "Sign out"
                        ),
                    ]
                ),
            ]
        )
    }

    /// What has come and gone since the page was opened.
    private var status: HTML {
        guard let clocks else { return .nothing }
        var attributes: Attributes = ["class": "status", "role": "status", "id": "status"]
        var text = "This page does not change by itself."
        if live != nil {
            // The script says so, once it is.
            text = "As of \(clocks.time)."
            attributes =
                attributes + [
                    "data-live":
                        "Live. Nothing has changed since you opened this page at \(clocks.time)."
                ]
        }
        return .tag("p", attributes, text: text)
    }

    private var foot: HTML {
        var parts: [HTML] = []
        if let zone { parts.append(.tag("span", text: "Times in \(zone)")) }
        let isLogged = viewer != nil && ledger != nil
        parts.append(
            .tag(
                "span",
                [
                    .text("Request "), .tag("span", ["class": "id"], text: requestID),
                    .text(isLogged ? ", in the access log" : ""),
                ]
            )
        )
        if let otherNames {
            parts.append(
                .tag("a", ["href": otherNames.address.href], text: otherNames.words)
            )
        }
        if viewer != nil {
            parts.append(
                .tag("a", ["href": "/account#h-keys", "data-opens": "keys"], text: "Keys")
            )
        }
        return .tag("footer", ["class": "foot"], parts)
    }
}

/// The field by which a form proves that this service made it.
public enum FormToken {
    /// Its name.
    public static let name = "form_token"

    static func field(_ token: String) -> HTML {
        .tag("input", ["type": "hidden", "name": "form_token", "value": token])
    }
}
