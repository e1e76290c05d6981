//! Every way in which a connection can end is noticed, and what was missed is made up for, over each link.

mod wire {
    use scry_config::client::LinkKind;

    const LINK: LinkKind = LinkKind::Wire;
    include!("client_disconnects/cases.rs");
}

mod rust_socketio {
    use scry_config::client::LinkKind;

    const LINK: LinkKind = LinkKind::RustSocketio;
    include!("client_disconnects/cases.rs");

    #[tokio::test]
    async fn a_library_that_breaks_inside_is_noticed() {
        let mut gateway = FakeGateway::start(json!({})).await;
        let mut client = TestClient::live(options(&gateway.url, "", &[("structure:t1", StartPosition::Now)])).await;
        gateway.ask("poison").await;
        let status = client.until_phase(Phase::Backoff).await;
        assert_eq!(status.reason.as_deref(), Some("the connection stopped inside the library"));
        client.until_phase(Phase::Live).await;
    }
}
