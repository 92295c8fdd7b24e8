/// The data of an SVG path: absolute coordinates, with one decimal where they have one.
public struct PathData: Sendable {
    /// As the attribute `d` has it.
    public private(set) var text = ""

    /// No path yet.
    public init() {}

    /// Begins at a point.
    public mutating func move(_ x: Double, _ y: Double) {
        text += "M"
        point(x, y)
    }

    /// A straight line to a point.
    public mutating func line(_ x: Double, _ y: Double) {
        text += text.last == "M" ? "" : "L"
        point(x, y)
    }

    /// A rectangle.
    public mutating func rectangle(_ x: Double, _ y: Double, _ width: Double, _ height: Double) {
        move(x, y)
        text += "h\(Self.number(width))v\(Self.number(height))h\(Self.number(-width))z"
    }

    /// Back to where it began.
    public mutating func close() { text += "z" }

    private mutating func point(_ x: Double, _ y: Double) {
        text += "\(Self.number(x)) \(Self.number(y))"
    }

    /// A number with at most one decimal; 0 for what is none, and no larger than any drawing.
    public static func number(_ number: Double) -> String {
        let number = number.isNaN ? 0 : min(max(number, -1e9), 1e9)
        let tenths = Int((number * 10).rounded())
        let sign = tenths < 0 ? "-" : ""
        let size = abs(tenths)
        return size.isMultiple(of: 10) ? "\(sign)\(size / 10)" : "\(sign)\(size / 10).\(size % 10)"
    }
}

extension HTML {
    /// A drawing that says nothing by itself: what stands beside it does.
    public static func ornament(
        _ style: String,
        _ width: Int,
        _ height: Int,
        _ content: [HTML]
    ) -> HTML {
        .tag(
            "svg",
            ["class": style, "viewBox": "0 0 \(width) \(height)", "aria-hidden": "true"],
            content
        )
    }

    /// A drawing with what it says in words.
    public static func drawing(
        _ style: String,
        _ width: Int,
        _ height: Int,
        title: String,
        id: String,
        _ content: [HTML]
    ) -> HTML {
        .tag(
            "svg",
            [
                "class": style, "viewBox": "0 0 \(width) \(height)", "role": "img",
                "aria-labelledby": id,
            ],
            [.tag("title", ["id": id], text: title)] + content
        )
    }

    /// A path of a drawing.
    public static func path(_ style: String, _ data: PathData) -> HTML {
        .tag("path", ["class": style, "d": data.text])
    }

    /// A text in a drawing.
    public static func label(
        _ style: String,
        _ x: Double,
        _ y: Double,
        _ text: String,
        anchor: String? = nil
    ) -> HTML {
        .tag(
            "text",
            ["class": style, "x": PathData.number(x), "y": PathData.number(y)]
                + (anchor.map { ["text-anchor": $0] } ?? [:]),
            text: text
        )
    }
}
