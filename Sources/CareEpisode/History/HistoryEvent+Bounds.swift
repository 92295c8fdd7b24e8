extension [HistoryEvent] {
    /// The events of one episode that say, or change, when it began or ended.
    ///
    /// Admissions, ends, and corrections and retractions of either; one whose target cannot be read
    /// is among them.
    public var ofLifeCycle: [HistoryEvent] {
        var bounds: Set<EventID> = []
        return filter { event in
            switch event.type.kind {
            case .admission, .end:
                bounds.insert(event.eventID)
                return true
            case .amendment:
                guard let amendment = try? Amendment(event.type, payload: event.payload) else {
                    return true
                }
                return bounds.contains(amendment.target)
            case .transfer, .session, .medication:
                return false
            }
        }
    }
}
