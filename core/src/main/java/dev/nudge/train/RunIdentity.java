package dev.nudge.train;

import dev.nudge.data.Dataset;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.model.Quantization;
import dev.nudge.settings.train.Method;
import dev.nudge.text.chat.ChatTemplate;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Records a run's inputs, in `run.json` and in a `nudge.json` beside each adapter. With full
/// fine-tuning there is no `nudge.json`.
///
/// The digest of the base is computed in the background after the first step, so as not to slow it,
/// and awaited at the first save.
final class RunIdentity implements AutoCloseable {
  private final Prepared prepared;
  private @Nullable BaseDigest digest;
  private @Nullable Identity identity;
  private @Nullable Map<String, @Nullable Object> values;

  RunIdentity(Prepared prepared) {
    this.prepared = prepared;
  }

  private boolean adapters() {
    return prepared.settings().lora().method() != Method.FULL;
  }

  private Path base() {
    return prepared.settings().model().model();
  }

  private Path cache() {
    return prepared.machine().cache();
  }

  /// Starts to compute the base's digest in the background; a second call does nothing.
  void begin() {
    if (digest == null) {
      digest = BaseDigest.later(base(), cache());
    }
  }

  /// Writes `nudge.json` beside an adapter.
  void write(Path folder) {
    if (identity == null) {
      identity = identity();
    }
    if (adapters()) {
      identity.write(folder);
    }
  }

  /// The digests of base, tokenizer and template; empty before the first save.
  Map<String, @Nullable Object> digests() {
    Map<String, @Nullable Object> digests = new LinkedHashMap<>();
    if (identity != null) {
      digests.put("base", identity.base());
      digests.put("tokenizer", identity.tokenizer());
      digests.put("template", identity.template());
    }
    return digests;
  }

  /// The quantisation of the base and the kind of rows, as in `run.json`.
  Map<String, @Nullable Object> values() {
    if (values == null) {
      values = known();
    }
    return values;
  }

  private Map<String, @Nullable Object> known() {
    Quantization quantization =
        Quantization.resolve(prepared.settings().model(), prepared.config());
    Map<String, Object> held = quantization.kept();
    held.putIfAbsent("double_quant", false);
    Map<String, @Nullable Object> data = new LinkedHashMap<>();
    data.put("rows", prepared.data().rows());
    data.put("bad_rows", prepared.data().badRows());
    data.put("tokens", prepared.data().tokens());
    data.put("trained_tokens", prepared.data().trainedTokens());
    data.put("longest", prepared.data().longest());
    Dataset eval = prepared.held();
    data.put("eval_rows", eval == null ? null : eval.rows());
    data.put("eval_bad_rows", eval == null ? null : eval.badRows());
    Map<String, @Nullable Object> known = new LinkedHashMap<>();
    known.put("quantization", held);
    known.put("data", data);
    return known;
  }

  private Identity identity() {
    var settings = prepared.settings();
    Quantization quantization = Quantization.resolve(settings.model(), prepared.config());
    Map<String, @Nullable Object> data = new LinkedHashMap<>();
    data.put("prompt", settings.data().prompt());
    data.put("completion", settings.data().completion());
    data.put("shape", prepared.data().shapes().most().shown());
    data.put("spoken", prepared.data().shapes().spoken() > 0);
    data.put("system", prepared.data().system());
    data.put("rows", prepared.data().rows());
    data.put("tokens", prepared.data().tokens());
    data.put("trained_tokens", prepared.data().trainedTokens());
    data.put("longest", prepared.data().longest());
    ChatTemplate template = prepared.inputs().template();
    boolean other = template != null && !template.isOf(base());
    return Identity.of(
        new Identity.Model(
            base(),
            quantization.format(),
            digest == null ? () -> BaseDigest.of(base(), cache()) : digest::get),
        other && template != null ? template.digest() : null,
        data);
  }

  @Override
  public void close() {
    if (digest != null) {
      digest.close();
    }
  }
}
