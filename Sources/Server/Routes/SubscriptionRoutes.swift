import CareEpisode
import HTTPTypes
import Hummingbird
import Ledger
import ProjectionRuntime
import ServiceLifecycle

/// Durable subscriptions: made and ended, fetched and acknowledged.
enum SubscriptionRoutes {
    // MARK: - Making and ending

    static func put(_ call: Call) async throws -> Reply {
        let name = try name(call)
        let (subscription, after) = try settings(name, call.body, call)
        let stored = try await call.subscriptions.all().first { $0.name == name }
        var told = subscription.told
        if let stored, stored.sends != subscription.sends { told += ", before: \(stored.sends)" }
        return try await change(call, told, of: [subscription, stored].compactMap(\.self)) {
            try await put(subscription, after, call)
        }
    }

    private static func put(
        _ subscription: Subscription,
        _ after: Cursor?,
        _ call: Call
    ) async throws -> Reply {
        let registry = call.subscriptions
        let made = try await registry.put(
            subscription,
            givesAfter: after != nil,
            incarnation: after.flatMap { $0.position == .zero ? nil : $0.incarnation },
            by: call.principal.subject
        )
        let isShared = subscription.webhook?.signature == .hmac
        let answer = PutSubscription(
            description: try await description(
                try await registry.subscription(subscription.name),
                call
            ),
            secret: isShared ? try made.secret?.revealed() : nil
        )
        return .json(answer.json, status: made.isNew ? .created : .ok)
    }

    static func get(_ call: Call) async throws -> Reply {
        let subscription = try await subscription(call)
        return .json(try await description(subscription, call).json)
    }

    static func list(_ call: Call) async throws -> Reply {
        .json(SubscriptionList(subscriptions: try await call.subscriptions.all()).json)
    }

    static func delete(_ call: Call) async throws -> Reply {
        let subscription = try await subscription(call)
        return try await change(call, subscription.told, of: [subscription]) {
            try await call.subscriptions.delete(subscription.name)
            return .noContent
        }
    }

    /// Changes something of subscriptions, once the access log has been told of it.
    ///
    /// What cannot be kept is not changed. Where the change fails, the log is told of that too. Where whole events go, an administrator decides, and nobody else changes it.
    ///
    /// - Parameters:
    ///   - told: what is changed.
    ///   - subscriptions: as they are, and are to be.
    private static func change(
        _ call: Call,
        _ told: String,
        of subscriptions: [Subscription],
        _ body: () async throws -> Reply
    ) async throws -> Reply {
        guard
            call.principal.roles.contains(.administrator)
                || subscriptions.allSatisfy({ $0.webhook?.payload != .full })
        else {
            let refusal = Problem.forbidden("whole events are sent for an administrator alone")
            return Reply(.failure(refusal), disclosed: told)
        }
        return try await keep(call, told, body)
    }

    private static func keep(
        _ call: Call,
        _ told: String,
        _ body: () async throws -> Reply
    ) async throws -> Reply {
        var entry = call.decision
        entry.detail = told
        try await call.service.accessLog.record(entry, in: call.ledger)
        do {
            var reply = try await body()
            reply.decision = .handler
            return reply
        } catch {
            return Reply(.failure(error), disclosed: told)
        }
    }

    static func rotate(_ call: Call) async throws -> Reply {
        let subscription = try await subscription(call)
        return try await change(call, subscription.told, of: [subscription]) {
            let secret = try await call.webhooks.rotate(subscription)
            let revealed = try secret.revealed()
            let isShared = subscription.webhook?.signature == .hmac
            return .json(
                RotatedSecret(
                    secret: isShared ? revealed : nil,
                    publicKey: isShared ? nil : revealed
                ).json
            )
        }
    }

    private static func settings(
        _ name: SubscriptionName,
        _ body: [UInt8],
        _ call: Call
    ) throws -> (Subscription, after: Cursor?) {
        let allowsPrivate = call.service.settings.allowsPrivateNetworks
        return try JSONBody.object(body) { object in
            var subscription = Subscription(name: name)
            subscription.types = object.optional("types", .texts).map { names in
                let types = names.compactMap { EventType(rawValue: $0) }
                if types.count != names.count || types.isEmpty {
                    object.refuse("types", "unknown_code", "must be types of events, at least one")
                }
                return Set(types)
            }
            subscription.episode = object.optional("episode_id", .identifier())
            let after = object.optional("after", .cursor)
            subscription.after = after?.position ?? .zero
            if let seconds = object.optional("lease_seconds", .integer(1...3_600)) {
                subscription.leaseSeconds = seconds
            }
            if let number = object.optional("max_deliveries", .integer(1...1_000)) {
                subscription.maxDeliveries = number
            }
            subscription.webhook = object.object("webhook") { webhook in
                var settings = WebhookSettings(url: webhook.required("url", .nonEmptyText) ?? "")
                if let refusal = WebhookAddress.refusal(of: settings.url, allowsPrivate) {
                    webhook.refuse("url", "not_allowed", refusal)
                }
                settings.payload = choice("payload", webhook) ?? settings.payload
                settings.mode = choice("mode", webhook) ?? settings.mode
                settings.signature = choice("signature", webhook) ?? settings.signature
                return settings
            }
            return (subscription, after)
        }
    }

    private static func choice<Value: RawRepresentable & CaseIterable>(
        _ name: StaticString,
        _ object: ObjectReader
    ) -> Value? where Value.RawValue == String {
        guard let text = object.optional(name, .text) else { return nil }
        if let value = Value(rawValue: text) { return value }
        let list = Value.allCases.map(\.rawValue).joined(separator: ", ")
        object.refuse(name, "unknown_code", "must be one of \(list)")
        return nil
    }

    private static func description(
        _ subscription: Subscription,
        _ call: Call
    ) async throws -> SubscriptionDescription {
        var answer = SubscriptionDescription(
            subscription: subscription,
            status: try await SubscriptionStatus(call.database, call.ledger, subscription)
        )
        if subscription.webhook?.signature == .ed25519 {
            answer.publicKey = try await call.webhooks.secrets(subscription).first?.publicKey()
        }
        return answer
    }

    // MARK: - Fetching and acknowledging

    static func events(_ call: Call) async throws -> Reply {
        let subscription = try await subscription(call)
        let (limit, buckets, wait, consumer) = try call.read { reader in
            let consumer = reader.text("consumer")
            if let consumer, !isName(consumer) { reader.refuse("consumer") }
            return (
                reader.integer("limit"), reader.integer("buckets"), reader.integer("wait"),
                consumer
            )
        }
        let fetch = SubscriptionConsumer(call.database, ledger: call.ledger)
        let feed = call.feed
        let lapsed = WorkCall.lapsed(subscription.name.description)
        let end = ContinuousClock.now + .seconds(wait)
        while true {
            let looks = feed.seen.looks
            let delivery = try await fetch.next(
                subscription,
                consumer: consumer,
                limit: Int(limit),
                buckets: Int(buckets)
            )
            let rest = ContinuousClock.now.duration(to: end)
            if delivery.events.isEmpty, rest > .zero, !Task.isShuttingDownGracefully {
                // What another consumer lets go is not announced: it is looked for each second.
                if feed.head > delivery.head {
                    // What was heard of and is not there is not looked for all the time.
                    try await Task.sleep(for: min(rest, .milliseconds(100)))
                } else {
                    await feed.rest(atMost: rest) {
                        $0.head > delivery.head || $0.isFinished
                            || $0.looks > looks && $0.calls.contains(lapsed)
                    }
                }
                continue
            }
            var disclosed = "name=\(subscription.name)"
            if let first = delivery.events.first, let last = delivery.events.last {
                disclosed +=
                    "; \(delivery.events.count) events from position "
                    + "\(first.event.history.position) to \(last.event.history.position)"
            }
            return .json(delivery.json, disclosed: disclosed)
        }
    }

    private static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                    || (UInt8(ascii: "0")...UInt8(ascii: ":")).contains(byte)
                    || [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains(byte)
            }
    }

    static func acknowledge(_ call: Call) async throws -> Reply {
        let subscription = try await subscription(call)
        let (acknowledgements, isList) = try JSONBody.objects(
            call.body,
            atMost: Subscription.buckets
        ) { object in
            let most = Int(Position.most)
            let from = object.required("from", .cursor) ?? .beginning
            let to = object.required("to", .cursor) ?? .beginning
            if to.position < from.position {
                object.refuse("to", "out_of_range", "must not lie before from")
            }
            // What a batch says of itself is taken with it, so that it can be sent back as it came.
            _ = object.optional("deliveries", .integer(0...))
            return Acknowledgement(
                bucket: object.required("bucket", .integer(0...63)) ?? 0,
                from: from.position,
                to: to.position,
                epoch: object.optional("epoch", .integer(0...most)).map { Int64($0) },
                // Of an older and a newer incarnation the older one counts: then it fits nowhere.
                incarnation: [from, to].filter { $0.position > .zero }.map(\.incarnation).min(),
                failed: object.objects("failed", reading: failed) ?? []
            )
        }
        guard Set(acknowledgements.map(\.bucket)).count == acknowledgements.count else {
            throw Refusal(errors: [
                FieldError(pointer: "", code: "repeated", detail: "must name each bucket once")
            ])
        }
        let told = acknowledgements.map { taken in
            let failed = taken.failed.isEmpty ? "" : " with \(taken.failed.count) failed"
            return "bucket \(taken.bucket) up to position \(taken.to)\(failed)"
        }
        return try await keep(
            call,
            "name=\(subscription.name); acknowledges \(told.joined(separator: ", "))"
        ) {
            let consumer = SubscriptionConsumer(call.database, ledger: call.ledger)
            do {
                try await consumer.acknowledge(subscription, acknowledgements)
            } catch let refusal as Refusal where !isList {
                throw Refusal(
                    errors: refusal.errors.map { error in
                        var error = error
                        error.pointer = String(error.pointer.dropFirst("/0".count))
                        return error
                    }
                )
            } catch SubscriptionError.stale(let stale) {
                throw Problem(stale: stale, isList: isList)
            }
            return .json(AcknowledgedAnswer(acknowledged: acknowledgements).json)
        }
    }

    private static func failed(_ object: ObjectReader) -> Acknowledgement.Failed {
        let reason = object.required("reason", .nonEmptyText) ?? ""
        // A code and no text: texts of consumers repeat what they choked on.
        let isCode =
            reason.utf8.count <= 64
            && reason.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || byte == UInt8(ascii: "_")
            }
        if !isCode {
            object.refuse(
                "reason",
                "not_a_code",
                "must be a code of a-z, 0-9 and _, at most 64 bytes"
            )
        }
        return Acknowledgement.Failed(
            position: Position(
                Int64(
                    object.required("position", .integer(1...Int(Position.most))) ?? 1
                )
            ),
            reason: reason
        )
    }

    // MARK: - Dead letters

    static func deadLetters(_ call: Call) async throws -> Reply {
        let (after, limit) = try call.read { reader in
            (Position(reader.integer("after")), Int(reader.integer("limit")))
        }
        let letters = try await call.subscriptions.deadLetters(
            try name(call),
            after: after,
            limit: limit
        )
        return .json(DeadLetterList(letters: letters).json)
    }

    static func resolve(_ call: Call) async throws -> Reply {
        guard let text = call.context.parameters.get("position"), let position = Int64(text),
            (1...Position.most).contains(position), String(position) == text
        else { throw Problem.badRequest("position", "must be the position of a dead letter") }
        let name = try await subscription(call).name
        return try await keep(call, "name=\(name); dead letter at position \(position)") {
            try await call.subscriptions.resolve(name, deadLetter: Position(position))
            return .noContent
        }
    }

    // MARK: - The name

    private static func name(_ call: Call) throws -> SubscriptionName {
        guard let text = call.context.parameters.get("name"), let name = SubscriptionName(text)
        else {
            throw Problem.badRequest(
                "name",
                "must be of lower-case letters, digits, - and _, at most 63"
            )
        }
        return name
    }

    private static func subscription(_ call: Call) async throws -> Subscription {
        try await call.subscriptions.subscription(try name(call))
    }
}

extension Call {
    fileprivate var subscriptions: SubscriptionRegistry {
        SubscriptionRegistry(database, ledger: ledger)
    }

    fileprivate var webhooks: WebhookRegistry {
        WebhookRegistry(database, ledger: ledger, holder: service.settings.holder)
    }
}

extension Problem {
    /// Acknowledgements that do not fit: each is named, with where its bucket is.
    fileprivate init(stale: [StaleAcknowledgement], isList: Bool) {
        self.init(
            status: .conflict,
            code: "acknowledgement-conflict",
            detail: "\(SubscriptionError.stale(stale))",
            errors: stale.map { one in
                FieldError(
                    pointer: isList ? "/\(one.index)" : "",
                    code: "stale",
                    detail: "does not fit: bucket \(one.bucket) is acknowledged up to "
                        + "\(one.cursors.position) and given out up to \(one.cursors.delivered), epoch \(one.epoch)"
                )
            },
            buckets: stale
        )
    }

    /// What a subscription cannot do.
    init(_ error: SubscriptionError) {
        switch error {
        case .unknown, .noDeadLetter: self = .notFound("\(error)")
        case .beyondHead:
            self.init(
                status: .unprocessableContent,
                code: "refused",
                detail: "\(error)",
                errors: [
                    FieldError(
                        pointer: "/after",
                        code: "out_of_range",
                        detail: "must not lie beyond the ledger's head"
                    )
                ]
            )
        case .stoodBeyondHead(let cursor):
            self.init(
                status: .conflict,
                code: "cursor-conflict",
                detail: "\(error)",
                cursor: cursor
            )
        case .fixed, .tooMany, .isPushed, .isFetched, .stale:
            self.init(
                status: .conflict,
                code: "subscription-conflict",
                detail: "\(error)"
            )
        }
    }
}
