package dev.nudge.collective;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/// Ranks as threads of this process, connected over the loopback.
public final class Ranks {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private Ranks() {}

  public interface Work<T> {
    @Nullable T run(Collective ranks) throws Exception;
  }

  /// Runs work on every rank at once.
  ///
  /// @return what rank 0 returns; its failure, else that of the first other rank, is thrown
  @SuppressWarnings("NullAway") // a test whose rank 0 returns nothing asks for nothing
  public static <T> T run(int ranks, IntFunction<Work<T>> work) {
    List<Rendezvous> meetings = new ArrayList<>();
    try {
      for (int rank = 0; rank < ranks; rank++) {
        meetings.add(Rendezvous.open("127.0.0.1", 0));
      }
      List<String> addresses = meetings.stream().map(m -> "127.0.0.1:" + m.port()).toList();
      byte[] secret = "secret".getBytes(StandardCharsets.UTF_8);
      List<CompletableFuture<T>> made = new ArrayList<>();
      for (int rank = 0; rank < ranks; rank++) {
        int own = rank;
        CompletableFuture<T> result = new CompletableFuture<>();
        Thread.ofPlatform()
            .start(
                () -> {
                  try (Collective all = meetings.get(own).join(own, addresses, secret, PATIENCE)) {
                    result.complete(work.apply(own).run(all));
                  } catch (Throwable e) {
                    result.completeExceptionally(e);
                  }
                });
        made.add(result);
      }
      made.forEach(result -> result.exceptionally(e -> null).join());
      List<T> results = made.stream().map(Ranks::result).toList();
      return results.getFirst();
    } finally {
      meetings.forEach(Rendezvous::close);
    }
  }

  private static <T> T result(CompletableFuture<T> made) {
    try {
      return made.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw e;
    }
  }
}
