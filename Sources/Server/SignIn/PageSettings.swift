/// Where the pages are, and how people sign in to them.
public struct PageSettings: Sendable {
    /// As browsers know the service; nil for this machine alone.
    public var publicOrigin: PublicOrigin?
    /// Whether the service speaks TLS itself.
    public var usesTLS = false
    /// Whether one-time links sign in: where the service is for this machine alone.
    public var takesLinks = false
    /// The identity provider that people sign in with; nil for none.
    public var provider: OpenIDSettings?
    /// The proxies in front of the service.
    public var trustedProxies: [AddressRange] = []
    /// Where names come from; nil where keys stand alone.
    public var directory: Directory?

    /// For this machine alone, and nobody signs in.
    public init() {}
}
