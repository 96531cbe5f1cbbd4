package dev.nudge.generate;

import dev.nudge.engine.DecodeWarmUp;
import dev.nudge.engine.Limits;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.ByteSize;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Threads;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Loads a session: tokenizer and weights, while the kernels that decode warm up.
///
/// @param warnings receives one line per warning
record SessionLoader(ModelSettings settings, Machine machine, Consumer<String> warnings) {

  /// @see Session#load
  Session load(@Nullable Path adapter, @Nullable Tokenizer loaded, @Nullable ByteSize memory) {
    Path folder = settings.model();
    ModelConfig config = ModelConfig.load(folder);
    int longest = longest(config);
    Checkpoint.check(folder, config);
    Quantization quantization = Quantization.resolve(settings, config);
    FutureTask<Tokenizer> reading =
        new FutureTask<>(
            () -> loaded == null ? Session.tokenizer(folder, adapter, machine) : loaded);
    Thread reader = new Thread(reading, "tokenizer");
    reader.setDaemon(true);
    reader.start(); // meanwhile products are tested
    Backend backend;
    try {
      backend = Backend.resolve(settings.compute(), machine.cache(), config.widths());
    } finally {
      Threads.join(reader);
    }
    backend.notes().forEach(warnings);
    if (reading.state() == Future.State.FAILED) {
      Threads.rethrow(reading.exceptionNow(), "the tokenizer was not read");
    }
    Tokenizer tokenizer = reading.resultNow();
    long before = Ledger.bytes();
    CausalLm model;
    try (DecodeWarmUp warmUp = DecodeWarmUp.start(backend, quantization)) {
      model = Checkpoint.load(folder, config, backend, quantization);
    }
    Session session =
        new Session(
            tokenizer,
            model,
            identity(quantization),
            longest,
            memory(model, Ledger.bytes() - before, memory, longest),
            settings.anyBase(),
            warnings);
    try {
      if (adapter != null) {
        session.attach(Session.ADAPTER, adapter);
      }
      return session;
    } catch (RuntimeException | Error e) {
      session.close();
      throw e;
    }
  }

  /// The most tokens of a sequence; warns where the model was made for fewer.
  private int longest(ModelConfig config) {
    Integer given = settings.maxLength();
    int most = config.maxPositionEmbeddings();
    if (given != null && given > most) {
      warnings.accept(
          "--max-length " + given + " is above the model's max_position_embeddings, " + most);
    }
    return Session.maxLength(settings, config);
  }

  private Identity.Model identity(Quantization quantization) {
    Path folder = settings.model();
    return new Identity.Model(
        folder, quantization.format(), () -> BaseDigest.of(folder, machine.cache()));
  }

  private SessionMemory memory(
      CausalLm model, long weights, @Nullable ByteSize memory, int longest) {
    return new SessionMemory(
        model,
        weights,
        Limits.of(
            model,
            Objects.requireNonNullElse(settings.threads(), machine.threads()),
            memory == null ? null : memory.bytes(),
            machine.memoryBytes(),
            weights,
            longest));
  }
}
