/// Whose episode it is, which follows from the seed and the episode's number.
///
/// One episode in twenty is a client's second, long after the first. One in twenty is in the medication
/// clinic, and its client is admitted to a program besides, some days later.
struct ClientOfEpisode {
    /// A key that begins with `SIM-`.
    let id: String
    /// Whether the episode is one in the medication clinic.
    let isInClinic: Bool
    /// Whether it is in a program, and its client in the medication clinic at the same time.
    let isInClinicBesides: Bool

    /// How many days a client has been in the clinic when the program begins.
    static let ahead = 10

    /// The client of an episode, whose first one, if this is the second, began `apart` days before.
    init(number: Int, seed: UInt64, calendar: AdmissionCalendar, apart days: Int) {
        func isDrawn(_ number: Int, stream: UInt64) -> Bool {
            var random = SeededGenerator(seed: seed, stream: stream, index: UInt64(max(0, number)))
            return number >= 0 && random.chance(perMille: 50)
        }
        let ahead = calendar.episodes(inDays: Self.ahead)
        func isInClinic(_ number: Int) -> Bool {
            isDrawn(number, stream: 4) && !isDrawn(number - ahead, stream: 4)
        }
        func isAlone(_ number: Int) -> Bool {
            !isInClinic(number) && !isInClinic(number - ahead)
        }
        let first = number - calendar.episodes(inDays: days)
        let isSecond =
            first >= 0 && isDrawn(number, stream: 3) && !isDrawn(first, stream: 3)
            && isAlone(number) && isAlone(first)

        self.isInClinic = isInClinic(number)
        isInClinicBesides = isInClinic(number - ahead)
        let owner = isSecond ? first : isInClinicBesides ? number - ahead : number
        var random = SeededGenerator(seed: seed, stream: 2, index: UInt64(owner))
        let bits = random.next()
        let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
        let text = (0..<10).map { digits[Int(bits >> UInt64(5 * $0) & 31)] }
        id = "SIM-" + String(decoding: text, as: UTF8.self)
    }
}
