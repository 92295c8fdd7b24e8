public import CareEpisode
import Documents
public import Markup

/// What proves an episode's entries, and who looked at them.
public struct EpisodeProofView: PageView {
    /// The newest signed checkpoint.
    public struct Checkpoint: Sendable {
        /// How many events it covers.
        public var size: Int64
        /// The name of the log.
        public var origin: String
        /// The tree's root.
        public var root: String
        /// The signed note.
        public var note: String
        /// When it was published.
        public var sealedAt: Instant

        /// A checkpoint.
        public init(size: Int64, origin: String, root: String, note: String, sealedAt: Instant) {
            self.size = size
            self.origin = origin
            self.root = root
            self.note = note
            self.sealedAt = sealedAt
        }
    }

    /// That an entry is in the tree of the checkpoint.
    public struct Proof: Sendable {
        /// Which entry.
        public var version: Version
        /// The hashes on the way to the root (RFC 6962).
        public var hashes: [String]

        /// A proof.
        public init(version: Version, hashes: [String]) {
            self.version = version
            self.hashes = hashes
        }
    }

    /// One look at the episode, allowed or not.
    public struct Look: Sendable {
        /// When.
        public var at: Instant
        /// Who.
        public var subject: String
        /// What was asked for, in words.
        public var what: String
        /// Whether it was given.
        public var isAllowed: Bool
        /// The purpose that was given.
        public var purpose: String?
        /// The request, by its id.
        public var requestID: String

        /// A look.
        public init(
            at: Instant,
            subject: String,
            what: String,
            isAllowed: Bool,
            purpose: String?,
            requestID: String
        ) {
            self.at = at
            self.subject = subject
            self.what = what
            self.isAllowed = isAllowed
            self.purpose = purpose
            self.requestID = requestID
        }
    }

    private let record: EpisodeRecord
    private let checkpoint: Checkpoint?
    private let proof: Proof?
    private let looks: [Look]?
    private let packet: String?
    private let page: Int

    /// The proof of an episode.
    ///
    /// - Parameters:
    ///   - record: the episode.
    ///   - checkpoint: the newest; nil before the first seal.
    ///   - proof: of the entry that is asked for.
    ///   - looks: the last ones first; nil for who may not see them.
    ///   - packet: where the packet is; nil for who may not take it.
    ///   - page: which hundred entries.
    public init(
        _ record: EpisodeRecord,
        checkpoint: Checkpoint?,
        proof: Proof?,
        looks: [Look]?,
        packet: String?,
        page: Int
    ) {
        self.record = record
        self.checkpoint = checkpoint
        self.proof = proof
        self.looks = looks
        self.packet = packet
        self.page = page
    }

    /// The episode, by the beginning of its id.
    public var title: String { "Proof · \(record.title)" }
    /// None of the header's pages.
    public var place: PageName? { nil }
    /// Who, and the state.
    public var parts: [String: [HTML]] { record.parts }
    /// The entries.
    public var members: PageMembers { record.members }

    /// Whether there is such a page of entries.
    public var hasPage: Bool {
        page == 1 || (page - 1) * EpisodeRecord.pageRows < record.events.count
    }

    private var format: DisplayFormat { record.format }

    /// The heading, the checkpoint, the leaves, who looked.
    public var content: [HTML] {
        EpisodeHeading(record: record, tab: "proof").html
            + [seal, leaves] + (looks.map { [access($0)] } ?? [])
    }

    // MARK: - Checkpoint

    private var seal: HTML {
        var body: [HTML]
        if let checkpoint {
            let uncovered = record.events.filter {
                $0.history.position.rawValue > checkpoint.size
            }.count
            body = [
                .tag(
                    "dl",
                    ["class": "facts"],
                    [
                        ("Covers", "the first \(Words.grouped(checkpoint.size)) events"),
                        ("Sealed", format.dateAndTime(checkpoint.sealedAt)),
                        ("Log", checkpoint.origin), ("Root", checkpoint.root),
                        (
                            "This episode",
                            uncovered == 0
                                ? "all \(record.events.count) entries are covered"
                                : "\(Words.count(uncovered, "entry")) of \(record.events.count) "
                                    + "not covered yet"
                        ),
                    ].flatMap { [HTML.tag("dt", text: $0), .tag("dd", text: $1)] }
                ),
                .tag(
                    "details",
                    [
                        .tag("summary", ["class": "button small"], text: "Signed note"),
                        .tag("pre", ["class": "id"], text: checkpoint.note),
                    ]
                ),
            ]
        } else {
            body = [.tag("p", text: "Nothing is sealed yet: the ledger has no checkpoint.")]
        }
        if let packet {
            body.append(
                .tag(
                    "p",
                    [
                        .tag(
                            "a",
                            ["class": "button", "href": packet, "download": ""],
                            text: "Packet for an auditor (zip)"
                        ), .text(" "),
                        .tag(
                            "span",
                            ["class": "quiet"],
                            text: "Entries, proofs and a program that verifies them without this "
                                + "service."
                        ),
                    ]
                )
            )
        }
        return .tag(
            "section",
            ["class": "panel", "aria-labelledby": "h-seal"],
            [
                .tag("header", [.tag("h2", ["id": "h-seal"], text: "Newest checkpoint")]),
                .tag("div", ["class": "body stack"], body),
            ]
        )
    }

    // MARK: - Leaves

    private var leaves: HTML {
        let shown = record.events.dropFirst((page - 1) * EpisodeRecord.pageRows)
            .prefix(EpisodeRecord.pageRows)
        let columns: [(String, Attributes)] = [
            ("Version", ["scope": "col", "class": "num"]),
            ("Position", ["scope": "col", "class": "num"]), ("Recorded", ["scope": "col"]),
            ("Kind", ["scope": "col"]), ("Leaf hash (SHA-256)", ["scope": "col"]),
            ("Inclusion proof", ["scope": "col"]),
        ]
        let rows = shown.flatMap { event -> [HTML] in
            let history = event.history
            let isShown = proof?.version == history.version
            let isSealed = checkpoint.map { history.position.rawValue <= $0.size } ?? false
            let address = record.address.with(["entry": isShown ? nil : "\(history.version)"])
            let link: HTML =
                isSealed
                ? .tag(
                    "a",
                    ["href": "\(address.href)#p\(history.version)"],
                    text: isShown ? "Hide" : "Show"
                )
                : .tag("span", ["class": "quiet"], text: "not sealed yet")
            let row = HTML.tag(
                "tr",
                ["id": "p\(history.version)", "data-row": ""],
                [
                    .tag(
                        "td",
                        ["class": "num"],
                        [
                            .tag(
                                "a",
                                ["href": record.entry(history.version)],
                                text: "\(history.version)"
                            )
                        ]
                    ),
                    .tag("td", ["class": "num"], text: Words.grouped(history.position.rawValue)),
                    .tag("td", ["class": "nb"], text: format.dateAndTime(history.recordedAt)),
                    .tag("td", text: Words.title(history.type.rawValue)),
                    .tag("td", ["class": "id"], text: Self.hexadecimal(event.leafHash)),
                    .tag("td", [link]),
                ]
            )
            guard isShown, let proof else { return [row] }
            let hashes: HTML =
                proof.hashes.isEmpty
                ? .tag("p", text: "The leaf is the root: the tree has one event.")
                : .tag("ol", ["class": "id"], proof.hashes.map { .tag("li", text: $0) })
            return [row, .tag("tr", [.tag("td", ["colspan": "6"], [hashes])])]
        }
        return .tag(
            "section",
            ["class": "panel", "aria-labelledby": "h-leaves"],
            [
                .tag(
                    "header",
                    [
                        .tag("h2", ["id": "h-leaves"], text: "Entries in the tree"),
                        .tag("p", text: "RFC 6962; hashes from the leaf to the root"),
                    ]
                ),
                .tag(
                    "div",
                    [
                        "class": "scroll", "tabindex": "0", "role": "region",
                        "aria-label": "Table of leaf hashes",
                    ],
                    [
                        .tag(
                            "table",
                            ["class": "tight"],
                            [
                                .tag(
                                    "thead",
                                    [.tag("tr", columns.map { .tag("th", $1, text: $0) })]
                                ),
                                .tag("tbody", rows),
                            ]
                        )
                    ]
                ),
                Pager(
                    page: page,
                    of: (record.events.count + EpisodeRecord.pageRows - 1) / EpisodeRecord.pageRows,
                    record.address
                ).html,
            ]
        )
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    // MARK: - Access

    private func access(_ looks: [Look]) -> HTML {
        let rows = looks.map { look in
            HTML.tag(
                "tr",
                ["data-row": ""],
                [
                    .tag("td", ["class": "nb"], text: format.dateAndTime(look.at)),
                    .tag("th", ["scope": "row"], text: look.subject),
                    .tag("td", text: look.what),
                    .tag(
                        "td",
                        [
                            .tag(
                                "span",
                                ["class": look.isAllowed ? "chip good" : "chip stop"],
                                text: look.isAllowed ? "allowed" : "denied"
                            )
                        ]
                    ),
                    .tag("td", text: look.purpose ?? "–"),
                    .tag("td", ["class": "id"], text: look.requestID),
                ]
            )
        }
        let table: HTML =
            rows.isEmpty
            ? .tag("p", ["class": "body"], text: "Nobody has asked for this episode yet.")
            : .tag(
                "div",
                [
                    "class": "scroll", "tabindex": "0", "role": "region",
                    "aria-label": "Table of who looked",
                ],
                [
                    .tag(
                        "table",
                        [
                            .tag(
                                "thead",
                                [
                                    .tag(
                                        "tr",
                                        ["When", "Who", "What", "Decision", "Purpose", "Request"]
                                            .map { .tag("th", ["scope": "col"], text: $0) }
                                    )
                                ]
                            ), .tag("tbody", rows),
                        ]
                    )
                ]
            )
        return .tag(
            "section",
            ["class": "panel", "aria-labelledby": "h-looks"],
            [
                .tag(
                    "header",
                    [
                        .tag("h2", ["id": "h-looks"], text: "Who looked"),
                        .tag(
                            "p",
                            text: "the last \(looks.count) decisions about this episode by itself, "
                                + "the newest first"
                        ),
                    ]
                ), table,
            ]
        )
    }
}
