package dev.nudge.server;

import dev.nudge.settings.ByteSize;
import dev.nudge.settings.Check;
import dev.nudge.settings.First;
import dev.nudge.settings.Group;
import dev.nudge.settings.HubName;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Loopback;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import dev.nudge.settings.SettingType;
import dev.nudge.settings.Withers;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.Quantize;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The settings of `nudge serve`.
///
/// @param quantize null: as the model is stored
/// @param doubleQuant null: as the model is stored, else on with nf4
/// @param threads null: every processor
/// @param maxModelLen most tokens of prompt and answer; null: the model's context length
/// @param memory of weights, KV cache and adapters; null: the KV cache gets half of the memory left
///     free by the weights
/// @param maxSequences most concurrent sequences of a batch; null: as many as memory allows
/// @param adapter `NAME=FOLDER` or `NAME=REFERENCE` each
/// @param registry null: the user's own, if it exists
/// @param adapterRoot folder below which requests may name adapter folders; null: none
/// @param experiments folder of experiment logs; null: no experiments
/// @param servedModelName name of the base; null: its folder's name
/// @param template a file or a template name; null: each adapter's own, else the model's
/// @param port 0: a free one
/// @param allowHost names besides loopback ones and `host` that the Host header may have without
///     API keys
/// @param allowOrigin origins of other sites' pages that may send requests (CORS)
/// @param captured capture settings
/// @param apiKeys file of API clients; null: no authentication
/// @param adminKeyFile file with the admin key, or `sha256:` and its digest; null: none
/// @param allowKeylessAdmin whether every program on this machine may change adapters, aliases and
///     experiments without a key
/// @param tlsCert PEM certificate chain, the server's first; null: no TLS
/// @param tlsKey private key, PEM PKCS 8
/// @param requestTimeout most seconds of an answer
/// @param drainTimeout most seconds for running answers at shutdown
/// @param auditLog file that gets a line per request; null: none
/// @param auditLogSize bytes at which the log is rotated
/// @param mergeAdapter names of adapters to merge into weights of their own
/// @param runs folders of training runs to show at `/ui`
@First("model adapter quantize port host api_keys registry memory")
public record ServeSettings(
    @Group("Model and machine")
        @Setting(
            help = ModelSettings.MODEL,
            required = true,
            label = "FOLDER|NAME",
            names = Setting.Names.MODEL)
        Path model,
    @Setting(help = "weight quantisation (default: as the model is stored)")
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
                "most memory for weights, KV cache and adapters, such as 8G (default: weights, and"
                    + " half of what is free then)",
            label = "SIZE")
        @Nullable ByteSize memory,
    @Setting(help = "most concurrent sequences (default: what there is memory for)")
        @Nullable Integer maxSequences,
    @Group("Adapters")
        @Setting(
            help =
                "adapter: a name to ask for, and a PEFT folder, a run's folder, a reference such as"
                    + " legal@champion or org/name of the hub; may be given several times",
            label = "NAME=FOLDER-OR-REFERENCE",
            names = Setting.Names.ADAPTER)
        List<String> adapter,
    @Setting(
            help =
                "name of an --adapter that has most of the traffic: it gets weights of its own, as"
                    + " large as the base's, and costs nothing more a token; may be given several"
                    + " times",
            label = "NAME")
        List<String> mergeAdapter,
    @Setting(
            help = "registry of adapters (default: ~/.local/share/nudge/registry, where it is)",
            label = "FOLDER")
        @Nullable Path registry,
    @Setting(
            help =
                "folder of adapters that /v1/load_lora_adapter may name by path (default: none may"
                    + " be)",
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
    @Setting(
            help =
                "name or address besides 127.0.0.1 and localhost by which clients without keys"
                    + " reach the server; may be given several times",
            label = "NAME")
        List<String> allowHost,
    @Setting(
            help =
                "site whose pages may send requests from a browser (CORS), as"
                    + " https://app.example.org; may be given several times",
            label = "URL")
        List<String> allowOrigin,
    @Group("Feedback") CaptureSettings captured,
    @Group("Clients and limits")
        @Setting(
            help = "clients and what each may use, made by keys add (default: everybody may)",
            label = "FILE")
        @Nullable Path apiKeys,
    @Setting(
            help = "key that adapters are loaded and moved with (default: over HTTP nobody may)",
            label = "FILE")
        @Nullable Path adminKeyFile,
    @Setting(
            help =
                "let every program and account of this machine load and move adapters without a"
                    + " key")
        boolean allowKeylessAdmin,
    @Setting(help = "largest body of a request", byDefault = "8M", label = "SIZE") ByteSize maxBody,
    @Setting(help = "most seconds of an answer", byDefault = "600") int requestTimeout,
    @Setting(help = "most seconds for answers under way when told to stop", byDefault = "30")
        int drainTimeout,
    @Setting(help = "file that gets a JSON line for each request; no texts", label = "FILE")
        @Nullable Path auditLog,
    @Setting(
            help = "size at which a new audit log begins; four older ones stay",
            byDefault = "100M",
            label = "SIZE")
        ByteSize auditLogSize,
    @Setting(
            help = "folder of runs that the page at /ui shows; may be given several times",
            label = "FOLDER")
        List<String> runs)
    implements Withers<ServeSettings> {
  private static final String HOST = "127.0.0.1";
  private static final String PORT = "8080";
  private static final String HOST_FORM =
      "a name or an address without scheme and port, as in nudge.example.org";
  private static final String ORIGIN_FORM =
      "scheme, host and port of one site without a path, as in https://app.example.org";

  /// The default URL of a server.
  public static final String URL = "http://" + HOST + ":" + PORT;

  private static final Pattern HOST_NAME =
      Pattern.compile(
          "[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\\[?[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*]?");
  private static final Pattern ORIGIN =
      Pattern.compile("[a-z][a-z0-9+.-]*://([^\\s/?#@:\\[\\]*]+|\\[[0-9a-f:.]+])(:\\d{1,5})?");
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");
  private static final int PORTS = 1 << 16;
  private static final int DAY = 24 * 60 * 60;
  private static final int LEAST_LOG = 4 << 10; // bytes

  /// Who may load adapters, move aliases and change experiments over HTTP.
  public enum Changes {
    /// Holders of the admin key.
    KEY,
    /// Every program on this machine.
    OPEN,
    /// Nobody.
    NONE
  }

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
    allowHost = List.copyOf(allowHost);
    allowHost.forEach(name -> checkForm("--allow-host", name, HOST_NAME, HOST_FORM));
    allowOrigin = List.copyOf(allowOrigin);
    allowOrigin.forEach(
        url -> checkForm("--allow-origin", url.toLowerCase(Locale.ROOT), ORIGIN, ORIGIN_FORM));
    if (allowKeylessAdmin && (adminKeyFile != null || apiKeys != null || !Loopback.is(host))) {
      throw new InputException(
          "--allow-keyless-admin is given with %s; it is for a server of this machine alone, so leave one out"
              .formatted(
                  adminKeyFile != null
                      ? "--admin-key-file"
                      : apiKeys != null ? "--api-keys" : "--host " + host));
    }
    Check.between("--request-timeout", requestTimeout, 1, DAY);
    Check.between("--drain-timeout", drainTimeout, 0, DAY);
    if (auditLogSize.bytes() < LEAST_LOG) {
      throw new InputException(
          "--audit-log-size is %s; it must be at least 4K".formatted(auditLogSize));
    }
  }

  /// The adapters by name: folders or references, in the order in which they were given.
  public Map<String, String> adapters() {
    return named(adapter);
  }

  /// Checks that adapters to merge are among the served ones.
  ///
  /// @throws InputException if one is not
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

  /// Whether a text is a valid adapter name.
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

  private static void checkForm(String flag, String given, Pattern form, String what) {
    if (!form.matcher(given).matches()) {
      throw new InputException(
          "%s is %s; it must be %s".formatted(flag, SettingType.shown(given), what));
    }
  }

  /// Who may load adapters, move aliases and change experiments over HTTP.
  public Changes changes() {
    return adminKeyFile != null ? Changes.KEY : allowKeylessAdmin ? Changes.OPEN : Changes.NONE;
  }

  /// Whether the server listens on loopback only.
  public boolean isLocal() {
    return Loopback.is(host);
  }

  /// The settings with which the base is loaded.
  public ModelSettings modelSettings() {
    return new ModelSettings(
        model, quantize, doubleQuant, compute, null, threads, maxModelLen, anyBase);
  }

  /// The name of the base model in requests.
  public String baseName() {
    return servedModelName == null ? HubName.last(model) : servedModelName;
  }

  /// Serves a base model alone, with defaults.
  public static ServeSettings of(Path model) {
    return of(Map.of("model", model));
  }

  /// Creates settings from values by key; defaults for the rest.
  public static ServeSettings of(Map<String, ?> values) {
    return Schema.of(ServeSettings.class).of(values);
  }

  /// The model folder.
  public ServeSettings withModel(Path folder) {
    return with("model", folder);
  }

  /// Sets the weight quantization.
  public ServeSettings withQuantize(Quantize method) {
    return with("quantize", method);
  }

  /// Sets whether the nf4 scales are quantized too (double quantization).
  public ServeSettings withDoubleQuant(boolean nested) {
    return with("double_quant", nested);
  }

  /// Sets the numeric type of the computation.
  public ServeSettings withCompute(Compute type) {
    return with("compute", type);
  }

  /// Sets the total number of CPU threads.
  public ServeSettings withThreads(int threads) {
    return with("threads", threads);
  }

  /// Sets the most tokens of prompt and answer.
  public ServeSettings withMaxModelLen(int tokens) {
    return with("max_model_len", tokens);
  }

  /// Sets the memory of weights, KV cache and adapters.
  public ServeSettings withMemory(long bytes) {
    return with("memory", new ByteSize(bytes));
  }

  /// Sets the most concurrent sequences.
  public ServeSettings withMaxSequences(int answers) {
    return with("max_sequences", answers);
  }

  /// Sets the adapters, `NAME=FOLDER` or `NAME=REFERENCE` each.
  public ServeSettings withAdapter(String... adapters) {
    return with("adapter", List.of(adapters));
  }

  /// Sets the adapters to merge into weights of their own.
  public ServeSettings withMergeAdapter(String... names) {
    return with("merge_adapter", List.of(names));
  }

  /// Sets the registry folder.
  public ServeSettings withRegistry(Path folder) {
    return with("registry", folder);
  }

  /// Sets the folder below which requests may name adapter folders.
  public ServeSettings withAdapterRoot(Path folder) {
    return with("adapter_root", folder);
  }

  /// Sets the name of the base model in requests.
  public ServeSettings withServedModelName(String name) {
    return with("served_model_name", name);
  }

  /// Sets the chat template for all adapters: a file or a name.
  public ServeSettings withTemplate(String template) {
    return with("template", template);
  }

  /// Sets whether an adapter of another base model is accepted.
  public ServeSettings withAnyBase(boolean any) {
    return with("any_base", any);
  }

  /// Sets the address to listen on.
  public ServeSettings withHost(String address) {
    return with("host", address);
  }

  /// Sets the port; 0: a free one.
  public ServeSettings withPort(int port) {
    return with("port", port);
  }

  /// Sets the certificate chain, PEM.
  public ServeSettings withTlsCert(Path file) {
    return with("tls_cert", file);
  }

  /// Sets the private key of the certificate, PEM.
  public ServeSettings withTlsKey(Path file) {
    return with("tls_key", file);
  }

  /// Sets the file of API clients.
  public ServeSettings withApiKeys(Path file) {
    return with("api_keys", file);
  }

  /// Sets the file with the admin key.
  public ServeSettings withAdminKeyFile(Path file) {
    return with("admin_key_file", file);
  }

  /// Sets whether every program on this machine may load adapters, move aliases and change
  /// experiments.
  public ServeSettings withAllowKeylessAdmin(boolean allow) {
    return with("allow_keyless_admin", allow);
  }

  /// Sets the names besides loopback ones by which clients without keys reach the server.
  public ServeSettings withAllowHost(String... names) {
    return with("allow_host", List.of(names));
  }

  /// Sets the origins of pages that may send requests from a browser (CORS).
  public ServeSettings withAllowOrigin(String... urls) {
    return with("allow_origin", List.of(urls));
  }

  /// Sets the largest request body.
  public ServeSettings withMaxBody(long bytes) {
    return with("max_body", new ByteSize(bytes));
  }

  /// Sets the request timeout.
  public ServeSettings withRequestTimeout(int seconds) {
    return with("request_timeout", seconds);
  }

  /// Sets the most seconds for running answers at shutdown.
  public ServeSettings withDrainTimeout(int seconds) {
    return with("drain_timeout", seconds);
  }

  /// Sets the folder of experiment logs.
  public ServeSettings withExperiments(Path folder) {
    return with("experiments", folder);
  }

  /// Sets the folder that keeps prompts, answers and feedback.
  public ServeSettings withCapture(Path folder) {
    return with("capture", folder);
  }

  /// Sets the clients whose requests are captured.
  public ServeSettings withCaptureClient(String... names) {
    return with("capture_client", List.of(names));
  }

  /// Sets the adapters whose answers are captured.
  public ServeSettings withCaptureAdapter(String... names) {
    return with("capture_adapter", List.of(names));
  }

  /// Sets the days that captured texts are kept.
  public ServeSettings withCaptureDays(int days) {
    return with("capture_days", days);
  }

  /// Sets whether secrets and personal data in captured texts are replaced.
  public ServeSettings withCaptureRedact(boolean redact) {
    return with("capture_redact", redact);
  }

  /// Sets the audit log file.
  public ServeSettings withAuditLog(Path file) {
    return with("audit_log", file);
  }

  /// Sets the bytes at which a new audit log begins.
  public ServeSettings withAuditLogSize(long bytes) {
    return with("audit_log_size", new ByteSize(bytes));
  }

  /// Sets the folders of training runs to show at `/ui`.
  public ServeSettings withRuns(String... folders) {
    return with("runs", List.of(folders));
  }
}
