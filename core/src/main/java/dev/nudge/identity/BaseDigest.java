package dev.nudge.identity;

import dev.nudge.format.Entry;
import dev.nudge.format.Sha256;
import dev.nudge.format.WeightFile;
import dev.nudge.tensor.PageAdvice;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.Collectors;

/// Computes a digest of a model's weights that does not depend on how they are sharded into files.
///
/// SHA-256 over one line for each tensor, sorted by name:
///
///     NAME TYPE SIZE,SIZE SHA256\n        the last one of the tensor's bytes, in lower-case hex
///
/// Tensors are read in parallel if a caller waits, and one after the other on a thread of lowest
/// priority if none does. Digests are cached in [DigestCache].
///
/// Threading: any thread may ask; [#close] cancels a computation that nobody needs.
public final class BaseDigest implements AutoCloseable {
  private static final long CHUNK = 64 << 20;

  private final CompletableFuture<String> result = new CompletableFuture<>();
  private volatile boolean closed;

  private BaseDigest() {}

  /// Computes the digest of a model folder, or takes it from the cache.
  ///
  /// @param cache the cache folder of the user
  /// @throws dev.nudge.settings.InputException if the weights cannot be read
  public static String of(Path folder, Path cache) {
    return new BaseDigest().compute(folder, cache, true);
  }

  /// The digest that identifies a model's outputs: of its weights, and of its configs
  /// ([#ofConfig]).
  ///
  /// @throws dev.nudge.settings.InputException if the weights cannot be read
  public static String withConfig(Path folder, Path cache) {
    return of(folder, cache) + " " + ofConfig(folder);
  }

  /// A digest of `config.json` and `generation_config.json`: with another RoPE base or EOS token,
  /// the same weights give other outputs.
  public static String ofConfig(Path folder) {
    String all =
        Sha256.of(folder.resolve("config.json"))
            + " "
            + Sha256.of(folder.resolve("generation_config.json"));
    return Sha256.of(all.getBytes(StandardCharsets.UTF_8));
  }

  /// Starts to compute the digest of a model folder in the background.
  public static BaseDigest later(Path folder, Path cache) {
    BaseDigest digest = new BaseDigest();
    Thread thread =
        new Thread(
            () -> {
              try {
                digest.result.complete(digest.compute(folder, cache, false));
              } catch (RuntimeException | Error e) {
                digest.result.completeExceptionally(e);
              }
            },
            "base-digest");
    thread.setDaemon(true);
    thread.setPriority(Thread.MIN_PRIORITY);
    thread.start();
    return digest;
  }

  /// Waits for the digest and returns it.
  ///
  /// @throws dev.nudge.settings.InputException if the weights cannot be read
  public String get() {
    try {
      return result.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw e;
    }
  }

  private String compute(Path folder, Path cache, boolean together) {
    try (WeightFile file = WeightFile.open(folder)) {
      DigestCache kept = DigestCache.of(file, cache);
      String known = kept.read();
      if (known != null) {
        return known;
      }
      var names = List.copyOf(file.names());
      String lines =
          (together ? names.parallelStream() : names.stream())
              .map(name -> line(file, name))
              .collect(Collectors.joining());
      Sha256 all = new Sha256();
      all.update(MemorySegment.ofArray(lines.getBytes(StandardCharsets.UTF_8)));
      String digest = Sha256.PREFIX + all.hex();
      kept.write(digest);
      return digest;
    }
  }

  private String line(WeightFile file, String name) {
    Entry entry = file.entry(name);
    MemorySegment bytes = file.bytes(name);
    Sha256 sha = new Sha256();
    for (long at = 0; at < bytes.byteSize(); at += CHUNK) {
      if (closed) {
        throw new IllegalStateException("nobody waits for this digest any more");
      }
      MemorySegment chunk = bytes.asSlice(at, Math.min(CHUNK, bytes.byteSize() - at));
      sha.update(chunk);
      PageAdvice.drop(chunk);
    }
    String shape = entry.shape().stream().map(String::valueOf).collect(Collectors.joining(","));
    return name + " " + entry.type() + " " + shape + " " + sha.hex() + "\n";
  }

  /// Cancels the computation; [#get] then fails unless the digest was computed.
  @Override
  public void close() {
    closed = true;
  }
}
