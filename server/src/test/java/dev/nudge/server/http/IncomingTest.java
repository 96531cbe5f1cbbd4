package dev.nudge.server.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.helidon.common.buffers.DataReader;
import java.io.UncheckedIOException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Reads what a client sends, early, late or never.
@Timeout(1800)
class IncomingTest {
  private final LinkedBlockingQueue<Optional<byte[]>> sent = new LinkedBlockingQueue<>();
  private final AtomicBoolean closed = new AtomicBoolean();
  private final Incoming incoming =
      new Incoming(DataReader.create(this::next), 1, () -> closed.set(true));

  private byte @Nullable [] next() {
    try {
      return sent.take().orElse(null);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private void until(boolean ended) throws InterruptedException {
    while (incoming.ended() != ended) {
      Thread.sleep(5);
    }
  }

  @Test
  void whatComesWhileItWatchesIsNotLost() throws InterruptedException {
    incoming.watch();
    sent.add(Optional.of(new byte[] {1, 2}));
    assertThat(incoming.get()).containsExactly(1, 2);
    incoming.watch();
    assertThat(incoming.ended()).isFalse();
    sent.add(Optional.of(new byte[] {3}));
    assertThat(incoming.get()).containsExactly(3);
    sent.add(Optional.of(new byte[] {4}));
    assertThat(incoming.get()).containsExactly(4);
  }

  @Test
  void aClientThatClosesIsSeenWithoutReading() throws InterruptedException {
    incoming.watch();
    assertThat(incoming.ended()).isFalse();
    sent.add(Optional.empty());
    until(true);
    assertThat(incoming.get()).isNull();
  }

  @Test
  void headersThatDoNotComeInTimeEndTheirConnection() {
    sent.add(Optional.of(new byte[] {'G'}));
    assertThat(incoming.get()).containsExactly('G');
    assertThatThrownBy(incoming::get).isInstanceOf(UncheckedIOException.class);
    assertThat(closed).isTrue();
  }

  @Test
  void aConnectionThatWaitsForItsNextRequestHasTime() throws InterruptedException {
    sent.add(Optional.of(new byte[] {'G'}));
    incoming.get();
    incoming.complete();
    incoming.answered();
    CompletableFuture<byte @Nullable []> next = new CompletableFuture<>();
    Thread waits = Thread.ofPlatform().start(() -> next.complete(incoming.get()));
    while (waits.getState() != Thread.State.WAITING) { // for as long as it takes
      assertThat(waits.getState()).isNotEqualTo(Thread.State.TIMED_WAITING);
      Thread.sleep(1);
    }
    sent.add(Optional.of(new byte[] {'P'}));
    assertThat(next.join()).containsExactly('P');
    assertThatThrownBy(incoming::get).isInstanceOf(UncheckedIOException.class);
  }

  @Test
  void aBodyThatDoesNotComeInTimeEndsItsConnection() {
    incoming.within(1);
    assertThatThrownBy(incoming::get).isInstanceOf(UncheckedIOException.class);
    assertThat(closed).isTrue();
  }
}
