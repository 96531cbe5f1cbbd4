package dev.nudge.server;

import dev.nudge.chat.FieldException;
import dev.nudge.generate.AdapterCache;
import dev.nudge.generate.Session;
import dev.nudge.registry.RegistryException;
import dev.nudge.settings.InputException;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// What all requests of a server share.
///
/// @param adapters the base is not among them
/// @param warnings told one line each
record Shared(
    ServeSettings settings,
    Session session,
    ServedAdapters adapters,
    RequestPrompts prompts,
    Constraints constraints,
    Running running,
    Consumer<String> warnings) {

  /// Finds what a request asks for.
  ///
  /// @param asked null or empty: what the client is served where it names nothing
  /// @throws ApiException where there is nothing of that name, or the client may not have it
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
    exchange.serve(model, served);
    return served;
  }

  /// Whether a client may use what a name stands for.
  ///
  /// @param asked as the request names it
  boolean may(Client client, String asked, Served served) {
    List<String> allowed = client.allowed();
    return allowed == null
        || allowed.contains(asked)
        || allowed.contains(served.name()) && !adapters.hides(served.name());
  }

  /// @throws ApiException where it is there and cannot be read; the place is for the log alone
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

  /// The base by one of its names.
  Served base(String asked) {
    return new Served(asked, settings.baseName(), null, null, null);
  }

  /// Encodes a text.
  ///
  /// @throws ApiException where it is no text
  int[] ids(String field, String text) {
    try {
      return session.tokenizer().ids(text);
    } catch (IllegalArgumentException e) {
      throw ApiException.wrong(field, "'%s': %s".formatted(field, e.getMessage()));
    }
  }

  /// Refuses a prompt that has no token, or leaves no room for an answer.
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

  /// Loads an adapter, so that the first who asks for it does not wait.
  ///
  /// @throws InputException where it cannot be used with this base
  void held(Served served) {
    AdapterCache.Lease lease = loaded(served, () -> true);
    if (lease != null) {
      lease.close();
    }
  }

  /// A lease of an adapter; one that the settings name is merged, whatever its alias has moved to.
  ///
  /// @param still says whether its folder holds what it did
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

  /// Holds an adapter in memory, and loads it first where it is not there.
  ///
  /// @return null: the base
  /// @throws ApiException where it cannot be used with this base
  AdapterCache.@Nullable Lease lease(Served served) {
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
