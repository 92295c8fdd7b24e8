import CareEpisode

extension Parameter {
    /// A value as this program writes it once it is read; nil of one that cannot be read.
    ///
    /// What comes out was made here and not typed by whoever asks, so that it may stand in logs.
    public func printed(_ text: String) -> String? {
        switch kind {
        case .text, .programHours: nil
        case .date: CalendarDate(iso8601: text)?.description
        case .time, .pastTime: WrittenTime(text)?.description
        case .times: Self.times(text)
        case .episode: EpisodeID(text)?.description
        case .integer(let range):
            Int64(text).flatMap { range.contains($0) && "\($0)" == text ? "\($0)" : nil }
        case .cursor:
            Cursor(text).flatMap { $0.position.rawValue <= Cursor.highest ? "\($0)" : nil }
        case .choice(let words): words.first { $0 == text }
        case .flag: ["true", "false"].first { $0 == text }
        case .types: Self.types(text)
        // That it is there, not what it says.
        case .pattern(let pattern, _):
            (try? Regex(pattern).wholeMatch(in: text)).flatMap { $0 }.map { _ in "<given>" }
        }
    }

    /// Whether what a value says may stand in logs: free text could be anything.
    public var isLoggable: Bool {
        switch kind {
        case .text, .programHours: false
        default: true
        }
    }

    private static func times(_ text: String) -> String? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let times = parts.compactMap { WrittenTime(String($0)) }
        guard times.count == 2, times.count == parts.count else { return nil }
        return "\(times[0]),\(times[1])"
    }

    private static func types(_ text: String) -> String? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let types = parts.compactMap { EventType(rawValue: String($0)) }
        guard types.count == parts.count else { return nil }
        let given = Set(types)
        return EventType.allCases.filter(given.contains).map(\.rawValue).joined(separator: ",")
    }
}

extension Arguments {
    /// As they were read, for the access log: nothing of what a caller may have typed is among them.
    ///
    /// A value that cannot be read is told as `<invalid>`; one that is given twice is told once.
    package func described(_ parameters: [Parameter]) -> String? {
        let shown = parameters.filter(\.isLoggable).sorted { $0.name < $1.name }
            .flatMap { parameter in
                var told: [String] = []
                for value in values[parameter.name] ?? [] {
                    let text = "\(parameter.name)=\(parameter.printed(value) ?? "<invalid>")"
                    if told.last != text { told.append(text) }
                }
                return told
            }
        return shown.isEmpty ? nil : shown.joined(separator: "&")
    }
}
