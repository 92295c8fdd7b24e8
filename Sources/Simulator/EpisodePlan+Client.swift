extension EpisodePlan {
    /// A key that begins with `SIM-`; one episode in twenty is a client's second.
    ///
    /// The first episode of such a client began `apart` days before.
    static func client(
        number: Int,
        seed: UInt64,
        calendar: AdmissionCalendar,
        apart days: Int
    ) -> String {
        let earlier = number - calendar.episodes(inDays: days)
        let comesAgain =
            earlier >= 0 && isReadmission(number, seed: seed) && !isReadmission(earlier, seed: seed)
        var random = SeededGenerator(
            seed: seed,
            stream: 2,
            index: UInt64(comesAgain ? earlier : number)
        )
        let bits = random.next()
        let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
        let text = (0..<10).map { digits[Int(bits >> UInt64(5 * $0) & 31)] }
        return "SIM-" + String(decoding: text, as: UTF8.self)
    }

    private static func isReadmission(_ number: Int, seed: UInt64) -> Bool {
        var random = SeededGenerator(seed: seed, stream: 3, index: UInt64(number))
        return random.chance(perMille: 50)
    }
}
