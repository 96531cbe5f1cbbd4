package dev.nudge.train;

import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.model.Quantization;
import dev.nudge.settings.Method;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Writes beside each adapter of a run what it is trained on; nothing where the model itself
/// trains.
///
/// The digest of the base is begun after the first step, which it must not slow, and waited for
/// where an adapter is saved.
final class RunIdentity implements AutoCloseable {
  private final Prepared prepared;
  private @Nullable BaseDigest digest;
  private @Nullable Identity identity;

  RunIdentity(Prepared prepared) {
    this.prepared = prepared;
  }

  private boolean adapters() {
    return prepared.settings().lora().method() == Method.LORA;
  }

  private Path base() {
    return prepared.settings().model().model();
  }

  private Path cache() {
    return prepared.machine().cache();
  }

  /// Begins to compute the digest of the base, which takes time; a second call does nothing.
  void begin() {
    if (digest == null && adapters()) {
      digest = BaseDigest.later(base(), cache());
    }
  }

  /// Writes `nudge.json` beside an adapter.
  void write(Path folder) {
    if (!adapters()) {
      return;
    }
    if (identity == null) {
      identity = identity();
    }
    identity.write(folder);
  }

  private Identity identity() {
    var settings = prepared.settings();
    Quantization quantization = Quantization.resolve(settings.model(), prepared.config());
    Map<String, @Nullable Object> data = new LinkedHashMap<>();
    data.put("prompt", settings.data().prompt());
    data.put("completion", settings.data().completion());
    data.put("rows", prepared.data().rows());
    data.put("tokens", prepared.data().tokens());
    data.put("trained_tokens", prepared.data().trainedTokens());
    data.put("longest", prepared.data().longest());
    return Identity.of(
        new Identity.Model(
            base(),
            quantization.method(),
            quantization.doubleQuant(),
            digest == null ? () -> BaseDigest.of(base(), cache()) : digest::get),
        data);
  }

  @Override
  public void close() {
    if (digest != null) {
      digest.close();
    }
  }
}
