// A Socket.IO server as most are: the library with its defaults, one event, one room. For comparison only.
// Prints {"port":N} once it listens; GET /health/websocket tells how many clients are connected.

const { createServer } = require("node:http");
const { Server } = require("socket.io");

const http = createServer((_request, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ connectedClients: io.of("/").sockets.size }));
});
const io = new Server(http);

io.on("connection", (socket) => {
  socket.on("latency", (_payload, ack) => ack?.({ success: true, serverTime: new Date().toISOString() }));
  socket.on("subscribe_campaign", (payload, ack) => {
    socket.join(`campaign:${typeof payload === "string" ? payload : payload?.campaignId}`);
    ack?.({ success: true });
  });
  socket.on("unsubscribe_campaign", (id, ack) => {
    socket.leave(`campaign:${id}`);
    ack?.({ success: true });
  });
});

http.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: http.address().port })));
