package dev.nudge.server;

import dev.nudge.settings.ByteSize;
import dev.nudge.settings.Compute;
import dev.nudge.settings.Quantize;
import dev.nudge.settings.Withers;
import java.nio.file.Path;
import java.util.List;

/// Changes how a model is served.
///
/// @param <S> the record that holds the settings
public interface ServeWithers<S extends Record> extends Withers<S> {
  /// The model folder.
  default S withModel(Path folder) {
    return with("model", folder);
  }

  /// How the weights are kept in memory.
  default S withQuantize(Quantize method) {
    return with("quantize", method);
  }

  /// Whether the scales of nf4 are quantised too.
  default S withDoubleQuant(boolean nested) {
    return with("double_quant", nested);
  }

  /// The type of the computation.
  default S withCompute(Compute type) {
    return with("compute", type);
  }

  /// Processor threads in all.
  default S withThreads(int threads) {
    return with("threads", threads);
  }

  /// The most tokens of a prompt and its answer.
  default S withMaxModelLen(int tokens) {
    return with("max_model_len", tokens);
  }

  /// The memory of weights, keys and adapters.
  default S withMemory(long bytes) {
    return with("memory", new ByteSize(bytes));
  }

  /// The most answers side by side.
  default S withMaxSequences(int answers) {
    return with("max_sequences", answers);
  }

  /// The adapters, `NAME=FOLDER` or `NAME=REFERENCE` each.
  default S withAdapter(String... adapters) {
    return with("adapter", List.of(adapters));
  }

  /// Names of adapters that get weights of their own.
  default S withMergeAdapter(String... names) {
    return with("merge_adapter", List.of(names));
  }

  /// The registry of adapters.
  default S withRegistry(Path folder) {
    return with("registry", folder);
  }

  /// The folder whose folders requests may name.
  default S withAdapterRoot(Path folder) {
    return with("adapter_root", folder);
  }

  /// What the base is called.
  default S withServedModelName(String name) {
    return with("served_model_name", name);
  }

  /// The chat template for all: a file or a name.
  default S withTemplate(String template) {
    return with("template", template);
  }

  /// Whether an adapter is taken whatever base it was trained on.
  default S withAnyBase(boolean any) {
    return with("any_base", any);
  }

  /// The address that is listened on.
  default S withHost(String address) {
    return with("host", address);
  }

  /// The port that is listened on; 0: a free one.
  default S withPort(int port) {
    return with("port", port);
  }

  /// The certificates, PEM.
  default S withTlsCert(Path file) {
    return with("tls_cert", file);
  }

  /// The private key of the certificate, PEM.
  default S withTlsKey(Path file) {
    return with("tls_key", file);
  }

  /// The file of clients.
  default S withApiKeys(Path file) {
    return with("api_keys", file);
  }

  /// The key that adapters are loaded and moved with.
  default S withAdminKeyFile(Path file) {
    return with("admin_key_file", file);
  }

  /// The largest body of a request.
  default S withMaxBody(long bytes) {
    return with("max_body", new ByteSize(bytes));
  }

  /// The most seconds of an answer.
  default S withRequestTimeout(int seconds) {
    return with("request_timeout", seconds);
  }

  /// The most seconds for answers under way when told to stop.
  default S withDrainTimeout(int seconds) {
    return with("drain_timeout", seconds);
  }

  /// The folder that experiments are kept in.
  default S withExperiments(Path folder) {
    return with("experiments", folder);
  }

  /// The file that gets a line for each request.
  default S withAuditLog(Path file) {
    return with("audit_log", file);
  }

  /// The folders whose runs the page at `/ui` shows.
  default S withRuns(String... folders) {
    return with("runs", List.of(folders));
  }
}
