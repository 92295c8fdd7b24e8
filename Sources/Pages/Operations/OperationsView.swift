import CareEpisode
import Documents
public import Ledger
public import Markup
public import ProjectionRuntime

/// How a ledger's machinery is: read models, seals, subscriptions.
///
/// Nothing of what is recorded.
public struct OperationsView: PageView {
    /// A subscription and where it is; nil where that could not be read.
    public struct Subscriber: Sendable {
        /// Its name.
        public var name: String
        /// Whether it is sent to an address.
        public var isSent: Bool
        /// Where it is; nil where it has just been deleted.
        public var status: SubscriptionStatus?

        /// A subscription.
        public init(name: String, isSent: Bool, status: SubscriptionStatus?) {
            self.name = name
            self.isSent = isSent
            self.status = status
        }
    }

    private let models: [(status: ProjectionStatus, isRebuildNeeded: Bool)]
    private let seal: SealStatus
    private let access: AccessStatus
    private let subscribers: [Subscriber]
    private let isCut: Bool
    /// What a retry is signed with; nil of who may not.
    private let token: String?
    private let retried: Int?
    private let address: PageAddress
    private let format: DisplayFormat

    /// The machinery of a ledger.
    ///
    /// - Parameters:
    ///   - models: its read models, and whether their rows are of another version of the fold.
    ///   - seal: how far its events are sealed.
    ///   - access: how far its access log is.
    ///   - subscribers: its subscriptions.
    ///   - isCut: whether there are more of them.
    ///   - token: what a retry is signed with; nil of who may not.
    ///   - retried: how many parked episodes are to be folded again, as somebody has just asked.
    ///   - address: of the page.
    ///   - format: how times are written.
    public init(
        _ models: [(status: ProjectionStatus, isRebuildNeeded: Bool)],
        _ seal: SealStatus,
        _ access: AccessStatus,
        _ subscribers: [Subscriber],
        isCut: Bool,
        token: String?,
        retried: Int?,
        _ address: PageAddress,
        _ format: DisplayFormat
    ) {
        self.models = models
        self.seal = seal
        self.access = access
        self.subscribers = subscribers
        self.isCut = isCut
        self.token = token
        self.retried = retried
        self.address = address
        self.format = format
    }

    /// What the page is called.
    public var title: String { "Operations" }
    /// The header's.
    public var place: PageName? { .operations }

    /// Read models, parked episodes, seals, subscriptions.
    public var content: [HTML] {
        let head = models.first?.status.head ?? .zero
        return [
            .head(
                "Operations",
                "\(Words.count(head.rawValue, "event")) recorded. Nothing here says anything about a client."
            ), told, .panel("h-models", "Read models", [readModels]), parked,
            .panel("h-seal", "Seals", [seals]),
            .panel(
                "h-subscriptions",
                "Subscriptions and webhooks",
                note: isCut ? [.text("The first \(subscribers.count)")] : [],
                [subscriptions]
            ),
        ]
    }

    private var told: HTML {
        guard let retried else { return .nothing }
        return .tag(
            "div",
            ["class": "notice good", "role": "status"],
            [
                .tag(
                    "h2",
                    text: "\(Words.count(retried, "parked episode")) will be folded again"
                ), .tag("p", text: "The worker that holds the lease does it with its next batch."),
            ]
        )
    }

    private func number(_ number: Int64) -> [HTML] { [.text(Words.grouped(number))] }

    // MARK: - Read models

    private var readModels: HTML {
        guard !models.isEmpty else {
            return .empty("None yet", "A worker makes them with the first event that it reads.")
        }
        return .scrolling(
            "Read models",
            [
                .table(
                    "cards",
                    [
                        ("Read model", false), ("Position", true), ("Behind", true),
                        ("Fold version", true), ("Lease", false), ("Parked", true),
                        ("State", false),
                    ],
                    models.map { model, isRebuildNeeded in
                        [
                            [.text(Words.title(model.name))], number(model.position.rawValue),
                            number(model.lag), number(Int64(model.foldVersion)),
                            [
                                model.leaseHolder.map { .tag("span", ["class": "id"], text: $0) }
                                    ?? .tag("span", ["class": "below"], text: "nobody")
                            ], number(Int64(model.parked.count)), [state(model, isRebuildNeeded)],
                        ]
                    }
                )
            ]
        )
    }

    private func state(_ model: ProjectionStatus, _ isRebuildNeeded: Bool) -> HTML {
        if model.rebuild != nil { return .text("being rebuilt") }
        if isRebuildNeeded {
            return .tag("span", ["class": "below"], text: "to be rebuilt: rows of another version")
        }
        if model.leaseHolder == nil {
            return .tag("span", ["class": "below"], text: "no worker")
        }
        return .text(model.lag == 0 ? "up to date" : "working")
    }

    private var parked: HTML {
        let rows = models.flatMap { model in model.status.parked.map { (model.status.name, $0) } }
        guard !rows.isEmpty else { return .nothing }
        // Each reason once, and how often.
        let names = models.map(\.status.name).filter { name in rows.contains { $0.0 == name } }
        let lines = names.flatMap { name -> [[[HTML]]] in
            let ofModel = rows.filter { $0.0 == name }.map(\.1)
            var reasons: [String] = []
            for parked in ofModel where !reasons.contains(parked.reason) {
                reasons.append(parked.reason)
            }
            return reasons.enumerated().map { place, reason in
                let same = ofModel.filter { $0.reason == reason }
                let positions = same.map(\.position).sorted()
                return [
                    [.text(Words.title(name))], number(Int64(same.count)), [.text(reason)],
                    number(positions[0].rawValue),
                    [.text(same.allSatisfy(\.isRetryAsked) ? "asked for" : "")],
                    place == 0 ? [retry(name)] : [],
                ]
            }
        }
        return .panel(
            "h-parked",
            "Parked episodes",
            note: [.text("They keep their last good rows until they are folded again.")],
            [
                .scrolling(
                    "Parked episodes",
                    [
                        .table(
                            "cards",
                            [
                                ("Read model", false), ("Episodes", true), ("Why", false),
                                ("First position", true), ("Retry", false), ("Deed", false),
                            ],
                            lines
                        )
                    ]
                )
            ]
        )
    }

    private func retry(_ name: String) -> HTML {
        guard let token else { return .nothing }
        return .tag(
            "form",
            ["method": "post", "action": address.path],
            [
                FormToken.field(token),
                .tag("input", ["type": "hidden", "name": "model", "value": name]),
                .tag(
                    "button",
                    [
                        "type": "submit", "class": "small",
                        "aria-label": "Retry \(Words.code(name))",
                    ],
                    text: "Retry all"
                ),
            ]
        )
    }

    // MARK: - Seals

    private var seals: HTML {
        func time(_ instant: Instant?) -> String {
            instant.map { format.dateAndTime($0) } ?? "never"
        }
        func trouble(_ text: String?) -> [HTML] {
            text.map { [.tag("span", ["class": "below"], text: $0)] } ?? [.text("none")]
        }
        return .scrolling(
            "Seals",
            [
                .table(
                    "cards",
                    [
                        ("Log", false), ("Sealed up to", true), ("Last sealed", false),
                        ("Not sealed", true), ("For", false), ("Lease", false), ("Trouble", false),
                    ],
                    [
                        [
                            [.text("Events")], number(seal.size), [.text(time(seal.sealedAt))],
                            number(seal.unsealed), [.text(Self.age(seal.lagSeconds))],
                            [.text(seal.holder ?? "nobody")], trouble(seal.trouble),
                        ],
                        [
                            [.text("Access log")], number(access.size),
                            [.text(time(access.sealedAt))], number(access.unsealed),
                            [.text(Self.age(access.lagSeconds))], [.text("–")],
                            trouble(access.trouble),
                        ],
                    ]
                )
            ]
        )
    }

    private static func age(_ seconds: Double) -> String {
        switch Int64(seconds) {
        case 0: "–"
        case 1..<120: "\(Int64(seconds)) s"
        case 120..<7_200: "\(Int64(seconds) / 60) min"
        default: "\(Int64(seconds) / 3_600) h"
        }
    }

    // MARK: - Subscriptions

    private var subscriptions: HTML {
        guard !subscribers.isEmpty else {
            return .empty("None", "Nothing is sent from this ledger, and nobody fetches from it.")
        }
        return .scrolling(
            "Subscriptions and webhooks",
            [
                .table(
                    "cards",
                    [
                        ("Name", false), ("Kind", false), ("Position", true), ("Behind", true),
                        ("Last answer", false), ("Dead letters", true), ("State", false),
                    ],
                    subscribers.map { subscriber in
                        guard let status = subscriber.status else {
                            return [
                                [.text(subscriber.name)], [], [], [], [], [],
                                [.text("just deleted")],
                            ]
                        }
                        return [
                            [.text(subscriber.name)],
                            [.text(subscriber.isSent ? "webhook" : "fetched")],
                            number(status.position.rawValue), number(status.lag),
                            [.text(answer(status.push))], number(Int64(status.deadLetters)),
                            [state(status)],
                        ]
                    }
                )
            ]
        )
    }

    private func answer(_ push: SubscriptionStatus.Push?) -> String {
        guard let push, let at = push.lastAttemptAt else { return "–" }
        let what = push.lastStatus.map { "\($0)" } ?? push.lastError ?? "none"
        return "\(what), \(format.dayAndTime(at))"
    }

    private func state(_ status: SubscriptionStatus) -> HTML {
        if let reason = status.push?.disabledReason {
            return .tag("span", ["class": "below"], text: "disabled: \(reason)")
        }
        if let push = status.push, push.attempts > 0 {
            let next = push.nextAttemptAt.map { ", next \(format.time($0))" } ?? ""
            return .text("\(Words.count(push.attempts, "attempt")) failed\(next)")
        }
        if status.push == nil {
            let leased = status.buckets.filter { $0.leasedUntil != nil }.count
            return .text("\(leased) of \(status.buckets.count) buckets leased")
        }
        return .text(status.lag == 0 ? "up to date" : "sending")
    }
}
