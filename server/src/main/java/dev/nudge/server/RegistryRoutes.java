package dev.nudge.server;

import dev.nudge.format.Blobs;
import dev.nudge.format.Sha256;
import dev.nudge.registry.Adapter;
import dev.nudge.registry.Alias;
import dev.nudge.registry.Note;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.RegistryEvent;
import dev.nudge.registry.Version;
import dev.nudge.registry.VersionState;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Fields;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Admin routes of the registry: list, move and roll back aliases, push versions from the adapter
/// root, change states.
///
/// @param folders that a push may name
/// @param unusable aliases at versions that cannot be served
record RegistryRoutes(
    Registry registry, Folders folders, Supplier<List<ServedAdapters.Unusable>> unusable) {
  private static final String PATH = "/v1/adapters";
  private static final String ANY_BASE = "any_base";

  Routes add(Routes routes) {
    return routes
        .inspect(PATH, this::list)
        .inspect(PATH + "/*", this::one)
        .admin("POST", PATH + "/push", this::push)
        .admin("POST", PATH + "/alias", this::alias)
        .admin("POST", PATH + "/rollback", this::rollback)
        .admin("POST", PATH + "/state", this::state);
  }

  private void list(Exchange exchange) {
    ObjectNode reply = JsonNodeFactory.instance.objectNode().put("object", "list");
    ArrayNode data = reply.putArray("data");
    registry.list().forEach(adapter -> data.add(card(adapter)));
    exchange.reply(reply);
  }

  /// An adapter with its versions, aliases and history.
  private void one(Exchange exchange) {
    String name = exchange.path().substring(PATH.length() + 1);
    ObjectNode reply = card(registry.adapter(name));
    ArrayNode log = reply.putArray("log");
    for (RegistryEvent event : registry.log(name)) {
      log.addPOJO(event.values());
    }
    exchange.reply(reply);
  }

  private ObjectNode card(Adapter adapter) {
    ObjectNode card = JsonNodeFactory.instance.objectNode();
    card.put("object", "adapter").put("name", adapter.name());
    ObjectNode aliases = card.putObject("aliases");
    adapter.aliases().forEach(alias -> aliases.put(alias.name(), alias.version()));
    for (ServedAdapters.Unusable one : unusable.get()) {
      if (one.alias().startsWith(adapter.name() + "@")) {
        card.withArray("unusable").addPOJO(one);
      }
    }
    ArrayNode guarded = card.putArray("protected");
    adapter.protections().forEach(one -> guarded.add(one.alias()));
    ArrayNode versions = card.putArray("versions");
    adapter.versions().forEach(version -> versions.add(version(version)));
    return card;
  }

  private ObjectNode version(Version version) {
    return JsonNodeFactory.instance
        .objectNode()
        .put("name", version.name())
        .put("version", version.number())
        .put("digest", version.digest())
        .put("state", version.state().word())
        .put("bytes", version.bytes())
        .put("rank", version.rank())
        .put("base", version.base())
        .put("base_name", registry.bases().name(version))
        .put("pushed_at", version.pushed().at().toString())
        .put("pushed_by", version.pushed().by());
  }

  private void push(Exchange exchange) {
    Fields fields = exchange.body();
    Registry.Pushed pushed =
        registry.push(
            fields.needed("name"),
            folders.named("path", fields.needed("path")),
            fields.text("licence"),
            note(exchange, fields));
    exchange.asked(pushed.version().name() + ":" + pushed.version().number());
    ObjectNode reply = version(pushed.version()).put("fresh", pushed.fresh());
    String other = pushed.fresh() ? registry.otherBases(pushed.version()) : null;
    if (other != null) {
      reply.put("warning", other);
    }
    exchange.reply(reply);
  }

  /// Moves an alias; `expected` is the digest it must have now (compare-and-set), or empty if it
  /// must be new. Without `expected` it moves unconditionally.
  private void alias(Exchange exchange) {
    Fields fields = exchange.body();
    String name = fields.needed("name");
    Version to = registry.find(reference(name, fields));
    moved(
        exchange,
        registry.alias(
            name,
            fields.needed("alias"),
            to,
            expected(name, fields),
            new Alias.Force(false, fields.flag(ANY_BASE, false)),
            note(exchange, fields)));
  }

  private void rollback(Exchange exchange) {
    Fields fields = exchange.body();
    String name = fields.needed("name");
    moved(
        exchange,
        registry.rollback(
            name,
            fields.needed("alias"),
            expected(name, fields),
            fields.flag(ANY_BASE, false),
            note(exchange, fields)));
  }

  private static void moved(Exchange exchange, Registry.Move move) {
    exchange.asked(move.name() + "@" + move.alias());
    ObjectNode reply =
        JsonNodeFactory.instance
            .objectNode()
            .put("name", move.name())
            .put("alias", move.alias())
            .put("from", move.from());
    if (move.to() != null) {
      reply.put("to", move.to().digest()).put("version", move.to().number());
    }
    if (move.warning() != null) {
      reply.put("warning", move.warning());
    }
    exchange.reply(reply);
  }

  private void state(Exchange exchange) {
    Fields fields = exchange.body();
    String word = fields.needed("state");
    List<VersionState> states =
        Arrays.stream(VersionState.values()).filter(s -> s.word().equals(word)).toList();
    if (states.isEmpty()) {
      throw ApiException.wrong(
          "state",
          "'state' is '%s'; it must be one of %s"
              .formatted(
                  ApiException.shown(word),
                  Arrays.toString(VersionState.values()).toLowerCase(Locale.ROOT)));
    }
    Reference reference = reference(fields.needed("name"), fields);
    exchange.asked(reference.toString());
    exchange.reply(version(registry.state(reference, states.getFirst(), note(exchange, fields))));
  }

  /// Parses the version in a body: a number, an alias or a digest.
  private static Reference reference(String name, Fields fields) {
    Long number =
        fields.body().path("version").isNumber() ? fields.whole("version", 1, 999_999_999) : null;
    String text = number == null ? fields.needed("version") : ":" + number;
    String behind = text.startsWith(":") || text.startsWith("@") ? text : "@" + text;
    return Reference.parse(name + behind);
  }

  private Alias.Expected expected(String name, Fields fields) {
    String digest = fields.text("expected");
    if (digest == null) {
      return Alias.Expected.ANY;
    }
    if (digest.isEmpty()) {
      return Alias.Expected.NONE;
    }
    if (!digest.startsWith(Sha256.PREFIX)) {
      throw ApiException.wrong(
          "expected",
          "'expected' is '%s'; it must be the digest where the alias is now, sha256:…, or empty where it is to be new"
              .formatted(ApiException.shown(digest)));
    }
    Reference reference = Reference.parse(name + "@" + digest);
    return Alias.Expected.at(Blobs.isDigest(digest) ? digest : registry.find(reference).digest());
  }

  private static Note note(Exchange exchange, Fields fields) {
    @Nullable String why = fields.text("why");
    return Note.by(exchange.client().name(), why);
  }
}
