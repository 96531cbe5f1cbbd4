package dev.nudge.collective;

import dev.nudge.settings.RunException;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/// A port at which ranks find one another. Each opens one, learns the addresses of all by whatever
/// started the ranks, and joins.
///
/// Both sides of a connection prove that they know the secret of this attempt, each by an HMAC over
/// both random numbers; who cannot is turned away, and the rank goes on waiting for the right one:
///
///     connects:  "NUDGE-RANKS-1"  rank (4)  random (16)
///     accepts:   random (16)  HMAC-SHA-256(secret, "accepts" rank both)
///     connects:  HMAC-SHA-256(secret, "connects" rank both)
///
/// So bytes of an earlier attempt, whose secret was another, are never added.
public final class Rendezvous implements AutoCloseable {
  private static final byte[] GREETING = "NUDGE-RANKS-1".getBytes(StandardCharsets.US_ASCII);
  private static final int RANDOM = 16;
  private static final int PROOF = 32;
  private static final int MOST_WAITED = 5_000; // ms for a stranger
  private static final int LOOK = 200; // ms between looks at the other connection

  private final ServerSocketChannel server;

  private Rendezvous(ServerSocketChannel server) {
    this.server = server;
  }

  /// Opens a port on one address, so no other network of the machine reaches it.
  ///
  /// @param host the name or address by which the other ranks find this one
  /// @param port 0: any free one
  /// @throws RunException if the address is not this machine's, or the port is taken
  public static Rendezvous open(String host, int port) {
    try {
      ServerSocketChannel server = ServerSocketChannel.open();
      try {
        server.bind(new InetSocketAddress(InetAddress.getByName(host), port));
        return new Rendezvous(server);
      } catch (IOException | RuntimeException e) {
        server.close();
        throw e;
      }
    } catch (IOException e) {
      throw new RunException(
          "port %d of %s cannot be opened: %s".formatted(port, host, e.getMessage()), e);
    }
  }

  /// The number of the port.
  public int port() {
    return server.socket().getLocalPort();
  }

  /// Connects this rank with the others, which all join at about the same time.
  ///
  /// @param addresses `host:port` of each rank, in their order
  /// @param secret of this attempt, the same on every rank
  /// @param timeout for joining, and later for what others compute and send within a call
  /// @throws RunException if a rank is not reached in time, or does not know the secret
  public Collective join(int rank, List<String> addresses, byte[] secret, Duration timeout) {
    int ranks = addresses.size();
    if (ranks == 1) {
      return Collective.ALONE;
    }
    int after = (rank + 1) % ranks;
    FutureTask<SocketChannel> connecting =
        new FutureTask<>(() -> connect(rank, addresses.get(after), secret, timeout));
    Thread.ofPlatform().daemon().name("rank-" + rank + "-connects").start(connecting);
    @Nullable SocketChannel previous = null;
    try {
      previous = accept((rank + ranks - 1) % ranks, secret, timeout, connecting);
      SocketChannel next = connecting.get();
      for (SocketChannel channel : List.of(previous, next)) {
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
      }
      return new Chain(rank, ranks, previous, next, timeout);
    } catch (IOException | ExecutionException | InterruptedException e) {
      Throwable within = e instanceof ExecutionException ? e.getCause() : e;
      Throwable cause = Objects.requireNonNullElse(within, e);
      abandon(previous, connecting);
      if (e instanceof InterruptedException) {
        Thread.currentThread().interrupt();
      }
      throw new LostRankException(
          "rank %d of %d was not joined to the others, %s: %s"
              .formatted(rank, ranks, String.join(" ", addresses), reason(cause)),
          cause);
    }
  }

  private static String reason(Throwable cause) {
    return cause instanceof SocketTimeoutException
        ? "the time is over"
        : String.valueOf(cause.getMessage());
  }

  private static void abandon(
      @Nullable SocketChannel previous, FutureTask<SocketChannel> connecting) {
    try {
      if (previous != null) {
        previous.close();
      }
      connecting.cancel(true); // it closes its channel
      if (connecting.state() == FutureTask.State.SUCCESS) {
        connecting.resultNow().close();
      }
    } catch (IOException e) {
      // they are of no use either way
    }
  }

  private static SocketChannel connect(int rank, String address, byte[] secret, Duration timeout)
      throws IOException {
    int colon = address.lastIndexOf(':');
    InetSocketAddress to =
        new InetSocketAddress(
            address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
    SocketChannel channel = SocketChannel.open();
    try {
      channel.socket().connect(to, Math.toIntExact(timeout.toMillis()));
      channel.socket().setSoTimeout(Math.toIntExact(timeout.toMillis()));
      byte[] own = random();
      ByteBuffer hello = ByteBuffer.allocate(GREETING.length + 4 + RANDOM);
      channel.socket().getOutputStream().write(hello.put(GREETING).putInt(rank).put(own).array());
      DataInputStream in = new DataInputStream(channel.socket().getInputStream());
      byte[] other = in.readNBytes(RANDOM);
      byte[] proof = in.readNBytes(PROOF);
      if (!MessageDigest.isEqual(proof, proof(secret, "accepts", rank, own, other))) {
        throw new IOException(address + " does not know the secret of this run");
      }
      channel.socket().getOutputStream().write(proof(secret, "connects", rank, own, other));
      return channel;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /// Waits for the connection of a rank, and turns all others away.
  private SocketChannel accept(
      int wanted, byte[] secret, Duration timeout, FutureTask<SocketChannel> connecting)
      throws IOException, InterruptedException, ExecutionException {
    long end = System.nanoTime() + timeout.toNanos();
    while (true) {
      long left = Duration.ofNanos(end - System.nanoTime()).toMillis();
      if (left <= 0) {
        throw new SocketTimeoutException();
      }
      if (connecting.state() == FutureTask.State.FAILED) {
        connecting.get(); // throws why
      }
      SocketChannel channel = accept((int) Math.min(left, LOOK));
      if (channel == null) {
        continue;
      }
      try {
        if (isRight(channel, wanted, secret, (int) Math.min(left, MOST_WAITED))) {
          return channel;
        }
      } catch (IOException e) {
        // a stranger's
      }
      channel.close();
    }
  }

  private @Nullable SocketChannel accept(int millis) throws IOException {
    try {
      server.socket().setSoTimeout(millis);
      return server.socket().accept().getChannel();
    } catch (SocketTimeoutException e) {
      return null;
    }
  }

  private static boolean isRight(SocketChannel channel, int wanted, byte[] secret, int millis)
      throws IOException {
    channel.socket().setSoTimeout(millis);
    DataInputStream in = new DataInputStream(channel.socket().getInputStream());
    byte[] greeting = in.readNBytes(GREETING.length);
    if (!Arrays.equals(greeting, GREETING) || in.readInt() != wanted) {
      return false;
    }
    byte[] other = in.readNBytes(RANDOM);
    byte[] own = random();
    OutputStream out = channel.socket().getOutputStream();
    out.write(own);
    out.write(proof(secret, "accepts", wanted, other, own));
    byte[] proof = in.readNBytes(PROOF);
    return MessageDigest.isEqual(proof, proof(secret, "connects", wanted, other, own));
  }

  private static byte[] random() {
    byte[] bytes = new byte[RANDOM];
    new SecureRandom().nextBytes(bytes);
    return bytes;
  }

  /// @param first random number of the side that connects
  private static byte[] proof(byte[] secret, String side, int rank, byte[] first, byte[] second) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(secret, "HmacSHA256"));
      mac.update((side + " " + rank).getBytes(StandardCharsets.US_ASCII));
      mac.update(first);
      return mac.doFinal(second);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e); // every JVM has it
    }
  }

  /// Closes the port; connections stay.
  @Override
  public void close() {
    try {
      server.close();
    } catch (IOException e) {
      // nobody comes any more
    }
  }
}
