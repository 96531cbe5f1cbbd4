package dev.nudge.server;

import dev.nudge.chat.ChatTemplates;
import dev.nudge.chat.FieldException;
import dev.nudge.generate.AdapterCache;
import dev.nudge.generate.Session;
import dev.nudge.registry.RegistryException;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Client;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Served;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.InputException;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The state that all requests of a server share.
///
/// @param adapters without the base
/// @param warnings receives one line each
record ServerContext(
    ServeSettings settings,
    Session session,
    ServedAdapters adapters,
    ChatTemplates templates,
    Constraints constraints,
    Running running,
    Pins pins,
    ServerExtension extension,
    Consumer<String> warnings)
    implements ServerExtension.Host {

  /// Resolves the model of a request.
  ///
  /// @param asked null or empty: the client's default model
  /// @throws ApiException if there is no such model, or the client may not use it
  Served find(Exchange exchange, String asked) {
    Client client = exchange.client();
    String usual = client.usual();
    String model = asked.isEmpty() && usual != null ? usual : asked;
    if (model.isEmpty()) {
      throw ApiException.missing("model", "'model' is missing; GET /v1/models lists what there is");
    }
    exchange.asked(model);
    Served trial = exchange.trial();
    if (trial != null) {
      exchange.serve(model, trial);
      return trial;
    }
    Served served = isBase(model) ? base(model) : client.mayAsk(model) ? found(model) : null;
    boolean may = served == null ? client.mayAsk(model) : may(client, model, served);
    if (!may) {
      throw ApiException.forbidden(
          "model",
          "model_not_allowed",
          "this key may not use '%s'; GET /v1/models lists what it may"
              .formatted(ApiException.shown(model)));
    }
    if (served == null) {
      throw ApiException.noModel(model);
    }
    pins.seen(model, served.digest());
    exchange.serve(model, served);
    return served;
  }

  /// Returns whether a client may use a model.
  ///
  /// @param asked model name of the request
  boolean may(Client client, String asked, Served served) {
    List<String> allowed = client.allowed();
    return allowed == null
        || allowed.contains(asked)
        || allowed.contains(served.name()) && !adapters.hides(served.name());
  }

  /// @throws ApiException if the adapter cannot be read; only the log shows its path
  private @Nullable Served found(String model) {
    try {
      return adapters.find(model);
    } catch (ApiException | RegistryException e) {
      throw e;
    } catch (InputException e) {
      warnings.accept("adapter %s cannot be served: %s".formatted(model, e.getMessage()));
      throw new ApiException(
          503,
          "server_error",
          "model",
          "adapter_unavailable",
          0,
          "'%s' cannot be served now; the server's log says why"
              .formatted(ApiException.shown(model)));
    }
  }

  private boolean isBase(String model) {
    return model.equals(settings.baseName())
        || model.equals(settings.model().toString()) && !settings.adapters().containsKey(model);
  }

  /// The base under one of its names.
  Served base(String asked) {
    return new Served(asked, settings.baseName(), null, null, null);
  }

  /// Renders a conversation to a prompt.
  ///
  /// @param messages converted in place to the templates' form
  /// @param tools null: none
  /// @param variables additional template variables
  /// @throws ApiException if there is no template
  ChatTemplates.Prompt prompt(
      Served served,
      ArrayNode messages,
      @Nullable ArrayNode tools,
      @Nullable ObjectNode variables) {
    try {
      return templates.of(
          served.shown(), served.digest(), served.folder(), messages, tools, variables);
    } catch (ChatTemplates.NoTemplate e) {
      throw ApiException.wrong(
          "model",
          "'%s' has no chat template that can be used; ask /v1/completions"
              .formatted(served.asked()));
    }
  }

  /// Tokenizes a text.
  ///
  /// @throws ApiException if the text is malformed
  int[] ids(String field, String text) {
    try {
      return session.tokenizer().ids(text);
    } catch (IllegalArgumentException e) {
      throw ApiException.wrong(field, "'%s': %s".formatted(field, e.getMessage()));
    }
  }

  /// Rejects a prompt that is empty, or leaves no token for an answer.
  void checkFits(String field, int[] prompt) {
    if (prompt.length == 0) {
      throw ApiException.wrong(field, "'%s' has no tokens; give a text".formatted(field));
    }
    if (prompt.length >= session.maxLength()) {
      throw ApiException.tooLong(
          field,
          "the prompt has %d tokens, and the model takes %d with the answer; shorten it"
              .formatted(prompt.length, session.maxLength()));
    }
  }

  /// Loads an adapter ahead of the first request.
  ///
  /// @throws InputException if the adapter does not fit the base
  void held(Served served) {
    AdapterCache.Lease lease = loaded(served, () -> true);
    if (lease != null) {
      lease.close();
    }
  }

  /// Returns why an adapter cannot be served; null: it can, or memory is short just now.
  @Nullable String unusable(Served served) {
    try (AdapterCache.Lease _ = lease(served)) {
      return null;
    } catch (ApiException e) {
      return e.getMessage();
    } catch (BusyException e) {
      return null;
    }
  }

  /// Leases an adapter; one listed in `mergeAdapter` is merged, whichever version its alias points
  /// to.
  ///
  /// @param still whether its folder is unchanged
  private AdapterCache.@Nullable Lease loaded(Served served, BooleanSupplier still) {
    if (served.digest() == null || served.folder() == null) {
      return null;
    }
    if (settings.mergeAdapter().contains(served.asked())) {
      session.cache().merge(served.digest());
    }
    return session
        .cache()
        .lease(
            served.digest(),
            served.folder(),
            served.version() == null ? served.folder().toString() : served.shown(),
            still,
            "the folder of '%s'".formatted(served.name()));
  }

  @Override
  public AdapterCache.@Nullable Lease lease(Served served) {
    if (served.digest() == null || served.folder() == null) {
      return null;
    }
    try {
      return loaded(served, () -> adapters.isStill(served));
    } catch (InputException e) {
      String message =
          String.valueOf(e.getMessage())
              .replace(served.folder().toString(), "'" + served.name() + "'")
              .replace(settings.model().toString(), "'" + settings.baseName() + "'");
      throw new ApiException(
          400,
          "invalid_request_error",
          "model",
          "adapter_not_usable",
          0,
          FieldException.withoutFlags(message));
    }
  }
}
