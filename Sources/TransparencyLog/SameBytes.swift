extension StringProtocol {
    /// Whether another text has the same bytes.
    ///
    /// `==` goes by canonical equivalence: for it the Kelvin sign is the letter K. What was signed, and
    /// who signed, are bytes.
    public func hasSameBytes(as other: some StringProtocol) -> Bool {
        utf8.elementsEqual(other.utf8)
    }
}
