package dev.nudge.hub;

import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Queries the hub for the commit of a revision, and for its list of files.
final class HubApi {
  private static final Pattern NEXT = Pattern.compile("<([^>]*)>;\\s*rel=\"next\"");
  private static final Pattern LICENCE = Pattern.compile("[\\w.+-]{1,60}");
  private static final int MOST_PAGES = 1000;

  private final HubClient client;
  private final HubSettings settings;
  private final HubListener listener;

  HubApi(HubClient client, HubSettings settings, HubListener listener) {
    this.client = client;
    this.settings = settings;
    this.listener = listener;
  }

  /// The hub's information about a repository.
  ///
  /// @param licence such as `apache-2.0`; null: unknown
  /// @param gated whether its terms must be accepted first
  record About(String commit, @Nullable String licence, boolean gated) {}

  About about(RepoName name) throws IOException {
    URI address =
        client.at(
            "/api/%s/%s/revision/%s"
                .formatted(
                    name.kind().plural(), name.id(), HubClient.encoded(name.revision(), false)));
    JsonNode body = client.json(name, address, listener).body();
    String commit = body.path("sha").asString("");
    if (!RepoName.isCommit(commit)) {
      throw new RunException(
          "%s says of %s no commit; is HF_ENDPOINT the address of a hub?"
              .formatted(settings.endpoint(), name));
    }
    JsonNode gated = body.path("gated");
    String licence = licence(body);
    boolean plain = licence != null && LICENCE.matcher(licence).matches();
    return new About(commit, plain ? licence : null, gated.isString() || gated.asBoolean(false));
  }

  private static @Nullable String licence(JsonNode body) {
    JsonNode said = body.path("cardData").path("license");
    if (said.isString()) {
      return said.asString();
    }
    for (JsonNode tag : body.path("tags")) {
      if (tag.asString("").startsWith("license:")) {
        return tag.asString().substring("license:".length());
      }
    }
    return null;
  }

  /// Lists all files of a commit.
  RepoTree tree(RepoName name, String commit) throws IOException {
    String first =
        "/api/%s/%s/tree/%s?recursive=True&expand=False"
            .formatted(name.kind().plural(), name.id(), commit);
    List<HubFile> files = new ArrayList<>();
    URI address = client.at(first);
    for (int page = 0; page < MOST_PAGES; page++) {
      HubClient.Page found = client.json(name, address, listener);
      try {
        files.addAll(RepoTree.page(found.body()));
      } catch (InputException e) {
        throw new InputException(name + ": " + e.getMessage(), e);
      }
      Matcher next = NEXT.matcher(found.link());
      if (!next.find()) {
        return new RepoTree(commit, files);
      }
      address = below(next.group(1), name);
    }
    throw new RunException(name + " has a listing without end");
  }

  /// Resolves a `Link` against the endpoint: a mirror may return the hub's own address in it.
  private URI below(String link, RepoName name) {
    URI own = settings.endpoint();
    int at = link.indexOf("/api/" + name.kind().plural() + "/");
    URI next = at < 0 ? null : HubClient.from(own, own + link.substring(at));
    if (next == null) {
      throw new RunException(
          "%s gives a next page at an address that is not followed".formatted(own));
    }
    return next;
  }
}
