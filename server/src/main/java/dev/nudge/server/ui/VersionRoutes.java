package dev.nudge.server.ui;

import dev.nudge.format.Json;
import dev.nudge.registry.Adapter;
import dev.nudge.registry.Alias;
import dev.nudge.registry.Note;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.RegistryEvent;
import dev.nudge.registry.RegistryException;
import dev.nudge.registry.Version;
import dev.nudge.server.Routes;
import dev.nudge.server.ServedAdapters;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Client;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Fields;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Registry routes of the page: read versions and aliases (clients, their adapters only), move
/// aliases (admins).
///
/// | route | does |
/// |---|---|
/// | `GET /v1/registry/adapters[/NAME]` | versions and aliases of all, or of one |
/// | `GET /v1/registry/adapters/NAME/log` | what happened to it |
/// | `POST …/NAME/aliases/ALIAS` `{version, expected?, any_base?, why}` | moves an alias |
/// | `POST …/NAME/aliases/ALIAS/rollback` `{expected?, any_base?, why}` | puts it back to where it
/// was |
///
/// `expected` is the version number that the alias must have now (compare-and-set), null if it
/// must not exist; a mismatch is a 409 and leaves the alias. The reply tells clients not to retry.
/// An adapter that a client may not see looks absent.
record VersionRoutes(Registry registry, AdapterCards cards, Predicate<String> hides) {
  private static final String PATH = "/v1/registry/adapters";
  private static final String NOTHING = "there is nothing here";
  private static final int MOST = 999_999_999; // as in references

  static VersionRoutes of(Registry registry, ServedAdapters adapters) {
    return new VersionRoutes(
        registry, new AdapterCards(registry, adapters::unusable), adapters::hides);
  }

  Routes add(Routes routes) {
    return routes
        .client("GET", PATH, this::list)
        .client("GET", PATH + "/*", this::one)
        .admin("POST", PATH + "/*", this::move);
  }

  private void list(Exchange exchange) {
    reply(
        exchange,
        registry.list().stream()
            .filter(adapter -> sees(exchange.client(), adapter.name()))
            .map(cards::of)
            .toList());
  }

  private static void reply(Exchange exchange, List<Map<String, @Nullable Object>> data) {
    exchange.reply(Json.tree(Map.of("object", "list", "data", data)));
  }

  private void one(Exchange exchange) {
    String[] parts = parts(exchange);
    boolean log = parts.length == 2 && parts[1].equals("log");
    if (parts.length > 1 && !log) {
      throw ApiException.unknownUrl(NOTHING);
    }
    Adapter adapter = adapter(exchange.client(), parts[0]);
    if (log) {
      reply(exchange, registry.log(adapter.name()).stream().map(RegistryEvent::values).toList());
    } else {
      exchange.reply(Json.tree(cards.of(adapter)));
    }
  }

  private void move(Exchange exchange) {
    String[] parts = parts(exchange);
    boolean back = parts.length == 4 && parts[3].equals("rollback");
    if (!back && parts.length != 3 || !parts[1].equals("aliases")) {
      throw ApiException.unknownUrl(NOTHING);
    }
    Fields body = exchange.body();
    Adapter adapter = adapter(exchange.client(), parts[0]);
    exchange.asked(adapter.name() + "@" + parts[2]);
    Note note = Note.by(exchange.client().name(), body.needed("why"));
    Alias.Expected expected = expected(adapter, body);
    boolean anyBase = body.flag("any_base", false);
    Registry.Move move =
        back
            ? registry.rollback(adapter.name(), parts[2], expected, anyBase, note)
            : registry.alias(
                adapter.name(),
                parts[2],
                version(adapter, body),
                expected,
                new Alias.Force(false, anyBase),
                note);
    Version to = move.to();
    Map<String, @Nullable Object> reply = new LinkedHashMap<>();
    reply.put("name", move.name());
    reply.put("alias", move.alias());
    reply.put("from", move.from());
    reply.put("to", to == null ? null : to.digest());
    reply.put("version", to == null ? null : to.number());
    if (move.warning() != null) {
      reply.put("warning", move.warning());
    }
    exchange.reply(Json.tree(reply));
  }

  private static String[] parts(Exchange exchange) {
    return exchange.path().substring(PATH.length() + 1).split("/", -1);
  }

  private Version version(Adapter adapter, Fields body) {
    Long number = body.whole("version", 1, MOST);
    if (number == null) {
      throw ApiException.missing("version", "'version' is missing");
    }
    return find(adapter, number);
  }

  private Alias.Expected expected(Adapter adapter, Fields body) {
    if (!body.body().has("expected")) {
      return Alias.Expected.ANY;
    }
    Long number = body.whole("expected", 1, MOST);
    return number == null ? Alias.Expected.NONE : Alias.Expected.at(find(adapter, number).digest());
  }

  private Version find(Adapter adapter, long number) {
    return registry.find(new Reference(adapter.name(), new Reference.Number((int) number)));
  }

  private Adapter adapter(Client client, String name) {
    if (sees(client, name)) {
      try {
        return registry.adapter(name);
      } catch (RegistryException e) {
        // the error below omits the folder
      }
    }
    throw new ApiException(
        404,
        "invalid_request_error",
        null,
        "adapter_not_found",
        0,
        "there is no such adapter in the registry; GET " + PATH + " lists what there is");
  }

  /// A key for a server name excludes the registry's adapter that the name hides.
  private boolean sees(Client client, String name) {
    List<String> allowed = client.allowed();
    return allowed == null
        || allowed.stream()
            .anyMatch(
                a -> a.split("[@:]", 2)[0].equals(name) && !(a.equals(name) && hides.test(name)));
  }
}
