/// A value that knows its canonical form.
protocol CanonicalValue {
    func write(to writer: inout CanonicalWriter)
}

extension CanonicalWriter {
    /// Writes a member, or nothing where the value is absent: absent stays absent.
    mutating func member(_ name: StaticString, _ value: (some CanonicalValue)?) {
        guard let value else { return }
        self.name(name)
        value.write(to: &self)
    }

    mutating func member(_ name: StaticString, _ code: (some RawRepresentable<String>)?) {
        guard let code else { return }
        self.name(name)
        write(code.rawValue)
    }
}

extension String: CanonicalValue {
    func write(to writer: inout CanonicalWriter) { writer.write(self) }
}

extension Int: CanonicalValue {
    func write(to writer: inout CanonicalWriter) { writer.write(self) }
}

extension Double: CanonicalValue {
    func write(to writer: inout CanonicalWriter) { writer.write(self) }
}

extension Bool: CanonicalValue {
    func write(to writer: inout CanonicalWriter) { writer.write(self) }
}

extension Instant: CanonicalValue {
    func write(to writer: inout CanonicalWriter) { writer.write(self) }
}

extension CalendarDate: CanonicalValue {
    func write(to writer: inout CanonicalWriter) { writer.write(self) }
}

extension Array: CanonicalValue where Element: CanonicalValue {
    func write(to writer: inout CanonicalWriter) {
        writer.begin("[")
        for element in self {
            writer.separate()
            element.write(to: &writer)
        }
        writer.end("]")
    }
}

extension UniqueIdentifier {
    func write(to writer: inout CanonicalWriter) { writer.write(self) }
}

extension EventID: CanonicalValue {}
extension EpisodeID: CanonicalValue {}
extension CorrelationID: CanonicalValue {}
