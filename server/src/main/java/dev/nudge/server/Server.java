package dev.nudge.server;

import dev.nudge.chat.ChatTemplates;
import dev.nudge.generate.Session;
import dev.nudge.machine.Machine;
import dev.nudge.registry.Registry;
import dev.nudge.server.access.Certificates;
import dev.nudge.server.access.ClientUsage;
import dev.nudge.server.http.Connections;
import dev.nudge.server.http.RequestOutcome;
import dev.nudge.server.metrics.AuditLog;
import dev.nudge.server.metrics.PrometheusMetrics;
import dev.nudge.server.ui.Dashboard;
import dev.nudge.settings.ByteSize;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Warnings;
import dev.nudge.text.chat.ChatTemplate;
import io.helidon.common.tls.Tls;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http1.Http1Config;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// An OpenAI-compatible HTTP server for one base model and its adapters.
///
///     try (Server server = Server.start(settings, Machine.here(), System.err::println)) {
///       System.out.println(server.url());
///     }
///
/// It never prints, exits, or reads environment variables.
///
/// Threading: each request has a virtual thread, which waits for the engine's tokens and writes
/// them. [#drain] and [#close] may be called from any thread.
public final class Server implements AutoCloseable {
  private static final int SHORT_CHAT = 256; // tokens of a prompt and its answer

  private final WebServer web;
  private final Session session;
  private final Pipeline pipeline;
  private final @Nullable ClientUsage usage;
  private final ServerExtension extension;
  private final @Nullable AuditLog audit;
  private final URI url;
  private final List<String> forms;

  private Server(
      WebServer web,
      Session session,
      Pipeline pipeline,
      @Nullable ClientUsage usage,
      ServerExtension extension,
      @Nullable AuditLog audit,
      URI url,
      List<String> forms) {
    this.web = web;
    this.session = session;
    this.pipeline = pipeline;
    this.usage = usage;
    this.extension = extension;
    this.audit = audit;
    this.url = url;
    this.forms = List.copyOf(forms);
  }

  /// Loads the base, checks the adapters, and listens. Warnings are logged ([Warnings]).
  public static Server start(ServeSettings settings, Machine machine) {
    return start(settings, machine, Warnings.logged());
  }

  /// Loads the base, checks the adapters, and listens.
  ///
  /// @param warnings receives one line each
  /// @throws InputException in one line, for any user error; nothing listens then
  public static Server start(ServeSettings settings, Machine machine, Consumer<String> warnings) {
    return start(settings, machine, warnings, Server::unextended);
  }

  /// Loads the base, checks the adapters, and listens, with an extension, such as experiments,
  /// capture and feedback.
  ///
  /// @param warnings receives one line each
  /// @throws InputException in one line, for any user error; nothing listens then
  public static Server start(
      ServeSettings settings,
      Machine machine,
      Consumer<String> warnings,
      ServerExtension.Opener opener) {
    Tls tls = Certificates.tls(settings.tlsCert(), settings.tlsKey());
    Access access = Access.of(settings);
    if (access.keys() != null) {
      access.keys().warn(warnings);
    }
    Path kept = settings.registry();
    Registry registry = Registry.open(kept == null ? Registry.home() : kept);
    Dashboard dashboard = Dashboard.of(registry, settings.runs(), warnings);
    Folders folders = new Folders(settings.adapterRoot());
    KeptReferences references = new KeptReferences(registry, warnings);
    NamedPlaces named = NamedPlaces.of(settings, folders, references);
    @Nullable AuditLog audit =
        settings.auditLog() == null
            ? null
            : AuditLog.open(settings.auditLog(), settings.auditLogSize().bytes(), warnings);
    List<AutoCloseable> opened = new ArrayList<>();
    try {
      Listening.checkFree(settings);
      if (settings.template() != null) {
        ChatTemplate.load(settings.model(), settings.template()); // before a model is loaded
      }
      settings.captured().checkFolder();
      warnOpen(settings, warnings);
      @Nullable ClientUsage usage = access.keys() == null ? null : access.keys().usage();
      if (usage != null) {
        opened.add(usage);
        usage.start(warnings);
      }
      ServerExtension extension = opener.open(settings, named, registry);
      opened.add(extension);
      Session session =
          Session.load(
              settings.modelSettings(),
              null,
              null,
              settings.memory(),
              machine,
              line -> warnings.accept(line.replace("--max-length", "--max-model-len")));
      opened.add(session);
      if (settings.maxSequences() != null) {
        session.sequences(settings.maxSequences());
      }
      session.cache(); // reserves adapter memory before the KV cache is sized
      checkRoom(settings, session);
      ServerContext shared =
          new ServerContext(
              settings,
              session,
              extension.adapters(named),
              new ChatTemplates(
                  settings.model(),
                  settings.template(),
                  session.tokenizer(),
                  line ->
                      warnings.accept(line + "; /v1/completions asks it with texts as they are")),
              new Constraints(session.serving()),
              new Running(),
              new Pins(session.cache()),
              extension,
              warnings);
      extension.start(shared, machine);
      references.check(shared::unusable);
      List<String> forms = new ArrayList<>();
      named.load(
          served -> {
            shared.held(served);
            String form = AdapterForm.of(served).shown();
            if (form != null) {
              forms.add(form);
            }
          },
          warnings);
      PrometheusMetrics metrics = new PrometheusMetrics(settings.baseName());
      List<Consumer<RequestOutcome>> told = new ArrayList<>(List.of(metrics));
      if (audit != null) {
        told.add(audit);
      }
      Connections connections = new Connections(Http1Config.create());
      Pipeline pipeline = new Pipeline(shared, access, connections, told);
      Routes routes = dashboard.add(routes(shared, metrics, pipeline), named, session, extension);
      extension.add(routes);
      pipeline.routes(new RegistryRoutes(registry, folders, named::unusable).add(routes));
      WebServer web = Listening.start(settings, connections, pipeline, tls);
      return new Server(
          web,
          session,
          pipeline,
          usage,
          extension,
          audit,
          Listening.url(settings, web.port()),
          forms);
    } catch (RuntimeException | Error e) {
      opened.forEach(Server::closeQuietly);
      if (audit != null) {
        audit.close();
      }
      throw e;
    }
  }

  static ServerExtension unextended(
      ServeSettings settings, ServedAdapters adapters, Registry registry) {
    if (settings.experiments() != null || settings.captured().capture() != null) {
      throw new InputException(
          "--experiments and --capture are of nudge-experiments; give Server.start its"
              + " Trials::open");
    }
    return new ServerExtension() {};
  }

  private static void warnOpen(ServeSettings settings, Consumer<String> warnings) {
    if (settings.apiKeys() == null && !settings.isLocal()) {
      warnings.accept(
          "--host %s without --api-keys: everybody who reaches the port by this address or a name of --allow-host may ask; nudge keys add makes a file of clients"
              .formatted(settings.host()));
    }
  }

  /// Fails if the KV cache cannot hold even a short conversation.
  private static void checkRoom(ServeSettings settings, Session session) {
    int least = Math.min(SHORT_CHAT, session.maxLength());
    if (session.keyTokens() >= least) {
      return;
    }
    ByteSize memory = settings.memory();
    String room = Count.of(session.keyTokens(), "token");
    throw new InputException(
        memory == null
            ? "the KV cache holds only %s beside the weights in the free memory of this machine; a short conversation has %d; give a smaller base, or --quantize nf4"
                .formatted(room, least)
            : "--memory %s: the KV cache holds only %s beside weights and workspace; a short conversation has %d; give --memory %s or more, or a lower --max-model-len"
                .formatted(
                    Bytes.shown(memory.bytes()), room, least, enough(session.leastMemory(least))));
  }

  /// A byte size as a flag value, rounded up.
  private static String enough(long bytes) {
    return bytes < 64L << 20
        ? Math.ceilDiv(bytes, 1L << 10) + "K"
        : Math.ceilDiv(bytes, 1L << 20) + "M";
  }

  private static void closeQuietly(AutoCloseable opened) {
    try {
      opened.close();
    } catch (Exception e) {
      // the original failure is thrown
    }
  }

  private static Routes routes(ServerContext shared, PrometheusMetrics metrics, Pipeline pipeline) {
    Routes routes = new Routes();
    ServerExtension extension = shared.extension();
    ChatRoute chat = new ChatRoute(shared);
    routes.client("POST", "/v1/chat/completions", extension.around(chat));
    routes.client("POST", "/v1/completions", extension.around(new CompletionRoute(shared)));
    routes.client("POST", "/v1/responses", extension.around(new ResponseRoute(chat)));
    routes.client("POST", "/v1/embeddings", new EmbeddingRoute(shared));
    new ModelRoutes(shared, System.currentTimeMillis() / 1000).add(routes);
    new TokenRoutes(shared).add(routes);
    new AdapterRoutes(shared).add(routes);
    return new StateRoutes(shared, metrics, shared.running(), pipeline::stopping).add(routes);
  }

  /// The URL of the server.
  public URI url() {
    return url;
  }

  /// Returns a line for each configured adapter with a known prompt format: the format, and the
  /// route to use.
  public List<String> forms() {
    return forms;
  }

  /// Refuses new requests and waits for running ones.
  ///
  /// @return whether all ended by themselves
  public boolean drain(Duration most) {
    boolean all = pipeline.drain(most);
    if (usage != null) {
      usage.save();
    }
    return all;
  }

  /// Aborts running requests and frees everything. For a graceful shutdown call [#drain] first.
  @Override
  public void close() {
    pipeline.drain(Duration.ZERO);
    session.serving().drain(Duration.ZERO);
    web.stop();
    try {
      session.close();
    } finally {
      if (usage != null) {
        usage.close();
      }
    }
    extension.close();
    if (audit != null) {
      audit.close();
    }
  }
}
