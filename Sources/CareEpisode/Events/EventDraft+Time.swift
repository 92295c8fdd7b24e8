extension EventDraft {
    /// What `docs/events.md`, "What an append checks", step 3 refuses, against the ledger's clock.
    ///
    /// `occurred_at` lies at most 5 minutes after `now`, of a change of medication, which may be
    /// ordered ahead, at most 366 days. `source_recorded_at` is not later than `now`.
    public func timeErrors(now: Instant) -> [FieldError] {
        var errors: [FieldError] = []
        func refuse(_ pointer: String, _ detail: String) {
            errors.append(FieldError(pointer: pointer, code: "in_future", detail: detail))
        }
        let (seconds, words): (Int64, String) =
            type == .medicationAdjusted ? (366 * 86_400, "366 days") : (5 * 60, "5 minutes")
        if occurredAt > now.advanced(bySeconds: seconds) {
            refuse("/occurred_at", "must be at most \(words) after the ledger's clock")
        }
        if let sourceRecordedAt, sourceRecordedAt > now {
            refuse("/source_recorded_at", "must not be later than the ledger's clock")
        }
        return errors
    }
}
