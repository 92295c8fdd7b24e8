extension EventDraft {
    /// What `docs/events.md`, "What an append checks", step 3 refuses, against the ledger's clock.
    ///
    /// `occurred_at` lies at most 5 minutes after `now`, of a change of medication, which may be
    /// ordered ahead, at most 366 days. `source_recorded_at` is not later than `now`. Neither
    /// `occurred_at` nor `replacement_occurred_at` lies before ``earliestTime``.
    public func timeErrors(now: Instant) -> [FieldError] {
        var errors: [FieldError] = []
        func refuse(_ pointer: String, code: String, _ detail: String) {
            errors.append(FieldError(pointer: pointer, code: code, detail: detail))
        }
        let (seconds, words): (Int64, String) =
            type == .medicationAdjusted ? (366 * 86_400, "366 days") : (5 * 60, "5 minutes")
        if occurredAt > now.advanced(bySeconds: seconds) {
            refuse(
                "/occurred_at",
                code: "in_future",
                "must be at most \(words) after the ledger's clock"
            )
        }
        if let sourceRecordedAt, sourceRecordedAt > now {
            refuse(
                "/source_recorded_at",
                code: "in_future",
                "must not be later than the ledger's clock"
            )
        }
        let early = "must not be before 1950-01-01 (UTC)"
        if occurredAt < Self.earliestTime { refuse("/occurred_at", code: "too_early", early) }
        if case .entryCorrected(let correction) = data,
            let replaced = correction.replacementOccurredAt, replaced < Self.earliestTime
        {
            refuse("/data/replacement_occurred_at", code: "too_early", early)
        }
        return errors
    }

    /// Nothing that happened before is recorded: it is a year that somebody mistyped, `0205` for
    /// `2025`, which would make a stay of eighteen centuries.
    ///
    /// It is 1950-01-01, 0:00, in UTC.
    static let earliestTime = Instant(microseconds: -631_152_000_000_000)
}
