package dev.nudge.server;

import dev.nudge.settings.ByteSize;
import dev.nudge.settings.Check;
import dev.nudge.settings.Compute;
import dev.nudge.settings.First;
import dev.nudge.settings.Group;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Loopback;
import dev.nudge.settings.ModelSettings;
import dev.nudge.settings.Quantize;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import dev.nudge.settings.SettingType;
import dev.nudge.settings.Withers;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// What `serve` can be told.
///
/// @param quantize null: as the model is stored
/// @param doubleQuant null: as the model is stored, else on with nf4
/// @param threads null: every processor
/// @param maxModelLen tokens of a prompt and its answer; null: what the model allows
/// @param memory of weights, keys and adapters; null: half of what is free beside the weights is
///     for keys
/// @param maxSequences answers that are made side by side; null: as many as there is memory for
/// @param adapter `NAME=FOLDER` or `NAME=REFERENCE` each
/// @param registry null: the user's own, where it is there
/// @param adapterRoot the folder whose folders requests may name; null: they may name none
/// @param experiments the folder of their logs; null: none can be begun
/// @param servedModelName what the base is called; null: as its folder
/// @param template a file or the name of a template; null: each adapter's own, else the model's
/// @param port 0: one that is free
/// @param apiKeys a file of clients; null: everybody is served
/// @param adminKeyFile a file that holds the key, or `sha256:` and its digest; null: whoever is on
///     this machine, while there are no clients' keys
/// @param tlsCert certificates in PEM, the server's first; null: no TLS
/// @param tlsKey its private key in PEM, PKCS 8
/// @param requestTimeout seconds that an answer may take
/// @param drainTimeout seconds that answers under way have when the server is told to stop
/// @param auditLog a file that gets a line for each request; null: none
/// @param mergeAdapter names of adapters that get weights of their own
/// @param runs folders whose runs of training the page at `/ui` shows
@First("model adapter quantize port host api_keys registry memory")
public record ServeSettings(
    @Group("Model and machine")
        @Setting(
            help = "model folder: config.json, *.safetensors, tokenizer.json",
            required = true,
            label = "FOLDER")
        Path model,
    @Setting(help = "how the weights are kept in memory (default: as the model is stored)")
        @Nullable Quantize quantize,
    @Setting(help = "quantise the scales of nf4 too (default: on with nf4)", negatable = true)
        @Nullable Boolean doubleQuant,
    @Setting(
            help = "type of the computation; auto is bf16 where the processor has it",
            byDefault = "auto")
        Compute compute,
    @Setting(help = "processor threads in all (default: every processor)")
        @Nullable Integer threads,
    @Setting(help = "most tokens of a prompt and its answer (default: what the model allows)")
        @Nullable Integer maxModelLen,
    @Setting(
            help =
                "most memory for weights, keys and adapters, such as 8G (default: weights, and half of what is free then)",
            label = "SIZE")
        @Nullable ByteSize memory,
    @Setting(help = "most answers side by side (default: what there is memory for)")
        @Nullable Integer maxSequences,
    @Group("Adapters")
        @Setting(
            help =
                "adapter: a name to ask for, and a PEFT folder, a run's folder or a reference such as legal@champion; may be given several times",
            label = "NAME=FOLDER-OR-REFERENCE")
        List<String> adapter,
    @Setting(
            help =
                "name of an --adapter that has most of the traffic: it gets weights of its own, as large as the base's, and costs nothing more a token; may be given several times",
            label = "NAME")
        List<String> mergeAdapter,
    @Setting(
            help = "registry of adapters (default: ~/.local/share/nudge/registry, where it is)",
            label = "FOLDER")
        @Nullable Path registry,
    @Setting(
            help =
                "folder of adapters that /v1/load_lora_adapter may name by path (default: none may be)",
            label = "FOLDER")
        @Nullable Path adapterRoot,
    @Setting(
            help = "folder that experiments are kept in (default: there are none)",
            label = "FOLDER")
        @Nullable Path experiments,
    @Setting(help = "what the base is called (default: the name of its folder)", label = "NAME")
        @Nullable String servedModelName,
    @Setting(
            help =
                "chat template for all: a file, or chatml, llama3, mistral, alpaca, gemma, vicuna,"
                    + " zephyr (default: the adapter's own, else the model's)",
            label = "TEMPLATE")
        @Nullable String template,
    @Setting(help = "take an adapter whatever base it was trained on") boolean anyBase,
    @Group("Network")
        @Setting(
            help = "address that is listened on",
            byDefault = ServeSettings.HOST,
            label = "ADDRESS")
        String host,
    @Setting(help = "port that is listened on; 0: a free one", byDefault = ServeSettings.PORT)
        int port,
    @Setting(help = "certificates, PEM; with --tls-key: https", label = "FILE")
        @Nullable Path tlsCert,
    @Setting(help = "private key of the certificate, PEM", label = "FILE") @Nullable Path tlsKey,
    @Group("Clients and limits")
        @Setting(
            help = "clients and what each may use, made by keys add (default: everybody may)",
            label = "FILE")
        @Nullable Path apiKeys,
    @Setting(
            help =
                "key that adapters are loaded and moved with (default: no key on 127.0.0.1 without --api-keys)",
            label = "FILE")
        @Nullable Path adminKeyFile,
    @Setting(help = "largest body of a request", byDefault = "8M", label = "SIZE") ByteSize maxBody,
    @Setting(help = "most seconds of an answer", byDefault = "600") int requestTimeout,
    @Setting(help = "most seconds for answers under way when told to stop", byDefault = "30")
        int drainTimeout,
    @Setting(help = "file that gets a JSON line for each request; no texts", label = "FILE")
        @Nullable Path auditLog,
    @Setting(
            help = "folder of runs that the page at /ui shows; may be given several times",
            label = "FOLDER")
        List<String> runs)
    implements Withers<ServeSettings> {
  private static final String HOST = "127.0.0.1";
  private static final String PORT = "8080";

  /// Where a server listens that is not told where.
  public static final String URL = "http://" + HOST + ":" + PORT;

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");
  private static final int PORTS = 1 << 16;
  private static final int DAY = 24 * 60 * 60;

  public ServeSettings {
    if (doubleQuant != null && quantize == Quantize.NONE) {
      throw new InputException(
          "--double-quant is given with --quantize none; it goes with nf4, so leave one out");
    }
    Check.atLeast("--threads", threads, 1);
    Check.atLeast("--max-model-len", maxModelLen, 2);
    Check.atLeast("--max-sequences", maxSequences, 1);
    adapter = List.copyOf(adapter);
    runs = List.copyOf(runs);
    named(adapter);
    mergeAdapter = List.copyOf(mergeAdapter);
    if (servedModelName != null) {
      checkName("--served-model-name", servedModelName, servedModelName);
    }
    Check.notBlank("--host", host);
    Check.between("--port", port, 0, PORTS - 1);
    Check.between("--request-timeout", requestTimeout, 1, DAY);
    Check.between("--drain-timeout", drainTimeout, 0, DAY);
  }

  /// The adapters by name: folders or references, in the order in which they were given.
  public Map<String, String> adapters() {
    return named(adapter);
  }

  /// Checks that adapters which are to be merged are among those that are served.
  ///
  /// @throws InputException where one is not
  public void checkMerged() {
    Map<String, String> names = adapters();
    for (String name : mergeAdapter) {
      if (!names.containsKey(name)) {
        throw new InputException(
            "--merge-adapter is %s; it must be the name of an --adapter%s"
                .formatted(
                    SettingType.shown(name),
                    names.isEmpty() ? "" : ": " + String.join(", ", names.keySet())));
      }
    }
  }

  private static Map<String, String> named(List<String> given) {
    Map<String, String> places = new LinkedHashMap<>();
    for (String one : given) {
      int sign = one.indexOf('=');
      if (sign < 0 || sign == one.length() - 1) {
        throw new InputException(
            "--adapter is %s; it must be NAME=FOLDER or NAME=REFERENCE, as in support=runs/support"
                .formatted(SettingType.shown(one)));
      }
      String name = one.substring(0, sign);
      checkName("--adapter", name, one);
      if (places.put(name, one.substring(sign + 1)) != null) {
        throw new InputException(
            "--adapter: two are named '%s'; give each a name of its own".formatted(name));
      }
    }
    return places;
  }

  /// Whether an adapter may be called so.
  public static boolean isName(String name) {
    return NAME.matcher(name).matches();
  }

  private static void checkName(String flag, String name, String given) {
    if (!isName(name)) {
      throw new InputException(
          "%s is %s; a name is of letters, digits, '.', '_' and '-', at most 128"
              .formatted(flag, SettingType.shown(given)));
    }
  }

  /// Whether nobody but this machine can reach the server.
  public boolean isLocal() {
    return Loopback.is(host);
  }

  /// The settings with which the base is loaded.
  public ModelSettings modelSettings() {
    return new ModelSettings(
        model, quantize, doubleQuant, compute, null, threads, maxModelLen, anyBase);
  }

  /// What the base is called.
  public String baseName() {
    Path last = model.toAbsolutePath().normalize().getFileName();
    return servedModelName == null ? String.valueOf(last) : servedModelName;
  }

  /// Serves a base alone, everything else at its default.
  public static ServeSettings of(Path model) {
    return of(Map.of("model", model));
  }

  /// Takes values by key, the rest at their defaults.
  public static ServeSettings of(Map<String, ?> values) {
    return Schema.of(ServeSettings.class).of(values);
  }

  /// The model folder.
  public ServeSettings withModel(Path folder) {
    return with("model", folder);
  }

  /// How the weights are kept in memory.
  public ServeSettings withQuantize(Quantize method) {
    return with("quantize", method);
  }

  /// Whether the scales of nf4 are quantised too.
  public ServeSettings withDoubleQuant(boolean nested) {
    return with("double_quant", nested);
  }

  /// The type of the computation.
  public ServeSettings withCompute(Compute type) {
    return with("compute", type);
  }

  /// Processor threads in all.
  public ServeSettings withThreads(int threads) {
    return with("threads", threads);
  }

  /// The most tokens of a prompt and its answer.
  public ServeSettings withMaxModelLen(int tokens) {
    return with("max_model_len", tokens);
  }

  /// The memory of weights, keys and adapters.
  public ServeSettings withMemory(long bytes) {
    return with("memory", new ByteSize(bytes));
  }

  /// The most answers side by side.
  public ServeSettings withMaxSequences(int answers) {
    return with("max_sequences", answers);
  }

  /// The adapters, `NAME=FOLDER` or `NAME=REFERENCE` each.
  public ServeSettings withAdapter(String... adapters) {
    return with("adapter", List.of(adapters));
  }

  /// Names of adapters that get weights of their own.
  public ServeSettings withMergeAdapter(String... names) {
    return with("merge_adapter", List.of(names));
  }

  /// The registry of adapters.
  public ServeSettings withRegistry(Path folder) {
    return with("registry", folder);
  }

  /// The folder whose folders requests may name.
  public ServeSettings withAdapterRoot(Path folder) {
    return with("adapter_root", folder);
  }

  /// What the base is called.
  public ServeSettings withServedModelName(String name) {
    return with("served_model_name", name);
  }

  /// The chat template for all: a file or a name.
  public ServeSettings withTemplate(String template) {
    return with("template", template);
  }

  /// Whether an adapter is taken whatever base it was trained on.
  public ServeSettings withAnyBase(boolean any) {
    return with("any_base", any);
  }

  /// The address that is listened on.
  public ServeSettings withHost(String address) {
    return with("host", address);
  }

  /// The port that is listened on; 0: a free one.
  public ServeSettings withPort(int port) {
    return with("port", port);
  }

  /// The certificates, PEM.
  public ServeSettings withTlsCert(Path file) {
    return with("tls_cert", file);
  }

  /// The private key of the certificate, PEM.
  public ServeSettings withTlsKey(Path file) {
    return with("tls_key", file);
  }

  /// The file of clients.
  public ServeSettings withApiKeys(Path file) {
    return with("api_keys", file);
  }

  /// The key that adapters are loaded and moved with.
  public ServeSettings withAdminKeyFile(Path file) {
    return with("admin_key_file", file);
  }

  /// The largest body of a request.
  public ServeSettings withMaxBody(long bytes) {
    return with("max_body", new ByteSize(bytes));
  }

  /// The most seconds of an answer.
  public ServeSettings withRequestTimeout(int seconds) {
    return with("request_timeout", seconds);
  }

  /// The most seconds for answers under way when told to stop.
  public ServeSettings withDrainTimeout(int seconds) {
    return with("drain_timeout", seconds);
  }

  /// The folder that experiments are kept in.
  public ServeSettings withExperiments(Path folder) {
    return with("experiments", folder);
  }

  /// The file that gets a line for each request.
  public ServeSettings withAuditLog(Path file) {
    return with("audit_log", file);
  }

  /// The folders whose runs the page at `/ui` shows.
  public ServeSettings withRuns(String... folders) {
    return with("runs", List.of(folders));
  }
}
