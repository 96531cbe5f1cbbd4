package dev.nudge.collective;

import dev.nudge.settings.RunException;
import java.io.DataInputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/// Ranks over TCP, each connected to the next and the last to the first.
///
/// A sum is ((l₀ + l₁) + l₂) + l₃ over the lanes of all ranks, as in one process with all lanes.
/// So it cannot be a ring's reduce-scatter, in which each chunk begins at another rank. Instead
/// rank 0 sends its sum of a part on; each rank adds its lanes to what arrives, one by one, and
/// passes it on; and the last sends the total round. Parts are small and follow one another, so
/// all connections are busy at once, and a rank receives and sends each byte twice, as in a ring.
/// The latency is that of 2N messages.
///
/// Bytes are sent from where they lie, by a thread of its own, and the queue of what is to be sent
/// has no bound: so a rank always goes on reading, and no circle of full buffers can form.
///
/// A message is a header (kind, part, number of the call, bytes; 20 bytes, big-endian) and its
/// bytes. Nothing is encrypted: the network is a cluster's own. Who takes part is checked by
/// [Rendezvous].
///
/// Threading: one thread calls, and an interrupt of it ends the connections; any thread may close.
final class Chain implements Collective {
  private static final int HEADER = 20;
  private static final int CHUNK = 1 << 20; // of what is shared
  private static final int MOST = 1 << 30; // of a message that is told

  private enum Kind {
    PARTIAL,
    TOTAL,
    SHARED,
    TOLD
  }

  private final int rank;
  private final int ranks;
  private final SocketChannel previous;
  private final SocketChannel next;
  private final DataInputStream in;
  private final int timeoutMillis;
  private final BlockingQueue<Frame> queue = new LinkedBlockingQueue<>();
  private byte[] buffer = new byte[1 << 18];
  private MemorySegment numbers = MemorySegment.NULL;
  private long call;
  private volatile boolean closed;

  /// What is to be sent.
  ///
  /// @param bytes null: the end
  private record Frame(
      Kind kind,
      int part,
      long call,
      @Nullable MemorySegment bytes,
      CompletableFuture<Void> sent) {}

  /// @param previous connection on which the rank before sends
  /// @param next connection on which this rank sends
  /// @param timeout for what other ranks compute and send within a call
  Chain(int rank, int ranks, SocketChannel previous, SocketChannel next, Duration timeout)
      throws IOException {
    this.rank = rank;
    this.ranks = ranks;
    this.previous = previous;
    this.next = next;
    this.in = new DataInputStream(previous.socket().getInputStream());
    this.timeoutMillis = Math.toIntExact(timeout.toMillis());
    Thread sender = new Thread(this::send, "rank-" + rank + "-sender");
    sender.setDaemon(true);
    sender.start();
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int ranks() {
    return ranks;
  }

  private boolean last() {
    return rank == ranks - 1;
  }

  @Override
  public void sum(List<? extends Part> parts) {
    call++;
    CompletableFuture<Void> sent = CompletableFuture.completedFuture(null);
    for (int i = 0; rank == 0 && i < parts.size(); i++) {
      parts.get(i).add(null);
      sent = begin(Kind.PARTIAL, i, parts.get(i).bytes());
    }
    int partials = rank == 0 ? parts.size() : 0; // received, or not to be
    int totals = last() ? parts.size() : 0;
    while (partials < parts.size() || totals < parts.size()) {
      Header header = header(timeoutMillis);
      Part part = parts.get(checked(header, parts.size()));
      MemorySegment bytes = part.bytes();
      header.check(bytes.byteSize());
      if (header.kind() == Kind.PARTIAL) {
        part.add(aligned(received(header.bytes())));
        partials++;
        sent = begin(last() ? Kind.TOTAL : Kind.PARTIAL, header.part(), bytes);
      } else {
        MemorySegment.copy(received(header.bytes()), 0, bytes, 0, header.bytes());
        totals++;
        sent = rank < ranks - 2 ? begin(Kind.TOTAL, header.part(), bytes) : sent;
      }
    }
    await(sent);
  }

  private int checked(Header header, int parts) {
    boolean right =
        header.call() == call
            && header.kind() == (rank == 0 ? Kind.TOTAL : last() ? Kind.PARTIAL : header.kind())
            && (header.kind() == Kind.PARTIAL || header.kind() == Kind.TOTAL)
            && header.part() >= 0
            && header.part() < parts;
    if (!right) {
      throw other(header);
    }
    return header.part();
  }

  @Override
  public void share(MemorySegment bytes) {
    call++;
    CompletableFuture<Void> sent = CompletableFuture.completedFuture(null);
    for (long at = 0; at < bytes.byteSize(); at += CHUNK) {
      MemorySegment chunk = bytes.asSlice(at, Math.min(CHUNK, bytes.byteSize() - at));
      if (rank > 0) {
        Header header = header(timeoutMillis);
        if (header.call() != call || header.kind() != Kind.SHARED) {
          throw other(header);
        }
        header.check(chunk.byteSize());
        MemorySegment.copy(received(header.bytes()), 0, chunk, 0, header.bytes());
      }
      sent = last() ? sent : begin(Kind.SHARED, 0, chunk);
    }
    await(sent);
  }

  @Override
  public byte[] tell(byte[] message) {
    call++;
    byte[] told = message;
    if (rank > 0) {
      Header header = header(0);
      if (header.call() != call
          || header.kind() != Kind.TOLD
          || header.bytes() < 0
          || header.bytes() > MOST) {
        throw other(header);
      }
      told = received(header.bytes()).toArray(ValueLayout.JAVA_BYTE);
    }
    if (!last()) {
      await(begin(Kind.TOLD, 0, MemorySegment.ofArray(told)));
    }
    return told;
  }

  private record Header(Kind kind, int part, long call, int bytes) {
    void check(long wanted) {
      if (bytes != wanted) {
        throw new RunException(
            "the rank before sent %d bytes where %d are due: it trains something else"
                .formatted(bytes, wanted));
      }
    }
  }

  private RunException other(Header header) {
    return new RunException(
        "rank %d is at call %d and the one before sent %s of call %d: they train different things"
            .formatted(rank, call, header.kind(), header.call()));
  }

  private Header header(int millis) {
    try {
      previous.socket().setSoTimeout(millis);
      in.readFully(buffer, 0, HEADER);
      previous.socket().setSoTimeout(timeoutMillis);
      ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, HEADER);
      return new Header(kind(bytes.getInt()), bytes.getInt(), bytes.getLong(), bytes.getInt());
    } catch (IOException e) {
      throw lost(e, (rank + ranks - 1) % ranks);
    }
  }

  private static Kind kind(int number) throws IOException {
    if (number < 0 || number >= Kind.values().length) {
      throw new IOException("it sent no message of this protocol");
    }
    return Kind.values()[number];
  }

  /// The bytes of a message, until the next is read.
  private MemorySegment received(int bytes) {
    buffer = bytes > buffer.length ? new byte[bytes] : buffer;
    try {
      in.readFully(buffer, 0, bytes);
    } catch (IOException e) {
      throw lost(e, (rank + ranks - 1) % ranks);
    }
    return MemorySegment.ofArray(buffer).asSlice(0, bytes);
  }

  /// The same in memory that any type of number may lie in.
  private MemorySegment aligned(MemorySegment bytes) {
    if (numbers.byteSize() < bytes.byteSize()) {
      numbers = Arena.ofAuto().allocate(bytes.byteSize(), Long.BYTES);
    }
    return numbers.asSlice(0, bytes.byteSize()).copyFrom(bytes);
  }

  private RunException lost(IOException cause, int other) {
    close();
    String reason =
        cause instanceof SocketTimeoutException
            ? "sent nothing for " + timeoutMillis / 1000 + " s"
            : "is gone" + (cause.getMessage() == null ? "" : ": " + cause.getMessage());
    return new LostRankException(
        "rank %d of %d: rank %d %s; begun again, the run goes on from its newest checkpoint"
            .formatted(rank, ranks, other, reason),
        cause);
  }

  private CompletableFuture<Void> begin(Kind kind, int part, MemorySegment bytes) {
    CompletableFuture<Void> sent = new CompletableFuture<>();
    Frame frame = new Frame(kind, part, call, bytes, sent);
    queue.add(frame);
    if (closed && queue.remove(frame)) { // behind the end, where nothing is sent
      sent.completeExceptionally(new IOException("the connection is closed"));
    }
    return sent;
  }

  /// Waits until all that was begun is sent, as its memory may change then.
  private void await(CompletableFuture<Void> sent) {
    try {
      sent.get();
    } catch (ExecutionException e) {
      throw lost(new IOException(String.valueOf(e.getMessage()), e), (rank + 1) % ranks);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw lost(new IOException("this rank was interrupted", e), (rank + 1) % ranks);
    }
  }

  /// What the sending thread does.
  private void send() {
    IOException failure = null;
    ByteBuffer header = ByteBuffer.allocateDirect(HEADER);
    while (true) {
      Frame frame;
      try {
        frame = queue.take();
      } catch (InterruptedException e) {
        return;
      }
      MemorySegment bytes = frame.bytes();
      if (bytes == null) {
        return;
      }
      try {
        if (failure != null) {
          throw failure;
        }
        header.clear().putInt(frame.kind().ordinal()).putInt(frame.part());
        header.putLong(frame.call()).putInt((int) bytes.byteSize()).flip();
        ByteBuffer[] both = {header, bytes.asByteBuffer()};
        while (both[0].hasRemaining() || both[1].hasRemaining()) {
          next.write(both);
        }
        frame.sent().complete(null);
      } catch (IOException | RuntimeException | Error e) { // no thread may wait for ever
        failure = e instanceof IOException io ? io : new IOException(e);
        close();
        frame.sent().completeExceptionally(e);
      }
    }
  }

  @Override
  public void close() {
    closed = true;
    queue.add(new Frame(Kind.TOLD, 0, call, null, new CompletableFuture<>()));
    for (SocketChannel channel : List.of(previous, next)) {
      try {
        channel.close();
      } catch (IOException e) {
        // it is of no use either way
      }
    }
  }
}
