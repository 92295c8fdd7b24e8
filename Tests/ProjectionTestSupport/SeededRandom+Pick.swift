public import TestSupport

extension SeededRandom {
    /// One of the elements, of which there must be at least one.
    public mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: elements.indices, using: &self)]
    }
}
