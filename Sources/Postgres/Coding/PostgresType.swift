/// A type of the server, by its object identifier.
public struct PostgresType: Hashable, Sendable, CustomStringConvertible {
    /// `pg_type.oid`.
    ///
    /// 0 lets the server infer a parameter's type.
    public let oid: UInt32

    /// Names a type by its `pg_type.oid`.
    public init(oid: UInt32) { self.oid = oid }

    /// The server infers the type (parameters only).
    public static let inferred = PostgresType(oid: 0)
    /// boolean.
    public static let bool = PostgresType(oid: 16)
    /// bytea.
    public static let bytea = PostgresType(oid: 17)
    /// name, the type of identifiers.
    public static let name = PostgresType(oid: 19)
    /// bigint.
    public static let int8 = PostgresType(oid: 20)
    /// smallint.
    public static let int2 = PostgresType(oid: 21)
    /// integer.
    public static let int4 = PostgresType(oid: 23)
    /// text.
    public static let text = PostgresType(oid: 25)
    /// oid.
    public static let oid = PostgresType(oid: 26)
    /// json.
    public static let json = PostgresType(oid: 114)
    /// real.
    public static let float4 = PostgresType(oid: 700)
    /// double precision.
    public static let float8 = PostgresType(oid: 701)
    /// a literal whose type nobody asked about.
    public static let unknown = PostgresType(oid: 705)
    /// character(n).
    public static let bpchar = PostgresType(oid: 1042)
    /// character varying.
    public static let varchar = PostgresType(oid: 1043)
    /// timestamp with time zone.
    public static let timestamptz = PostgresType(oid: 1184)
    /// uuid.
    public static let uuid = PostgresType(oid: 2950)
    /// jsonb.
    public static let jsonb = PostgresType(oid: 3802)

    private static let known: [(PostgresType, name: String, array: UInt32)] = [
        (.bool, "boolean", 1000), (.bytea, "bytea", 1001), (.name, "name", 1003),
        (.int8, "bigint", 1016), (.int2, "smallint", 1005), (.int4, "integer", 1007),
        (.text, "text", 1009), (.oid, "oid", 1028), (.json, "json", 199),
        (.float4, "real", 1021), (.float8, "double precision", 1022), (.unknown, "unknown", 0),
        (.bpchar, "character", 1014), (.varchar, "character varying", 1015),
        (.timestamptz, "timestamp with time zone", 1185), (.uuid, "uuid", 2951),
        (.jsonb, "jsonb", 3807), (PostgresType(oid: 1082), "date", 1182),
        (PostgresType(oid: 1700), "numeric", 1231), (PostgresType(oid: 2278), "void", 0),
        (PostgresType(oid: 18), "\"char\"", 1002), (PostgresType(oid: 1114), "timestamp", 1115),
        (PostgresType(oid: 1083), "time", 1183), (PostgresType(oid: 1186), "interval", 1187),
        (PostgresType(oid: 142), "xml", 143), (PostgresType(oid: 869), "inet", 1041),
    ]

    private static let names: [UInt32: String] = {
        var names = [UInt32(0): "inferred"]
        for (type, name, array) in known {
            names[type.oid] = name
            if array != 0 { names[array] = "\(name)[]" }
        }
        return names
    }()

    private static let arrays: [UInt32: UInt32] = Dictionary(
        uniqueKeysWithValues: known.map { ($0.0.oid, $0.array) }
    )

    /// The type of arrays of this type; `inferred` for types this module does not know.
    public var array: PostgresType {
        PostgresType(oid: Self.arrays[oid] ?? 0)
    }

    /// The SQL name, or the number if this module does not know the type.
    public var description: String { Self.names[oid] ?? "type \(oid)" }
}
