package dev.nudge.registry;

import dev.nudge.format.Blobs;
import dev.nudge.format.Sha256;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// A repository of an OCI registry (distribution specification). Blobs are uploaded in one piece,
/// manifests under a tag or their digest.
///
/// For a registry without the referrers API (it does not answer `OCI-Subject`) referrers are
/// written as the specification's fallback: an index under the tag `sha256-…` of the subject.
final class RemoteDepot implements Depot {
  private static final int MOST = 4 << 20; // bytes of a manifest
  private static final String ACCEPT = MediaTypes.MANIFEST + ", " + MediaTypes.INDEX;
  private static final String OCTETS = "application/octet-stream";

  private final Address.Remote address;
  private final OciClient exchange;

  RemoteDepot(Address.Remote address, Address.@Nullable Credentials credentials) {
    this.address = address;
    this.exchange = new OciClient(address, credentials);
  }

  @Override
  public byte[] manifest(String tag) throws IOException {
    String wanted = tag.isEmpty() ? "latest" : tag;
    byte[] bytes = manifestOrNull(wanted);
    if (bytes == null) {
      throw new InputException("%s has no '%s'; give its tag".formatted(address, wanted));
    }
    if (Blobs.isDigest(wanted) && !Sha256.of(bytes).equals(wanted)) {
      throw new RunException(address + " gave other bytes than those of " + wanted);
    }
    return bytes;
  }

  private byte @Nullable [] manifestOrNull(String tag) throws IOException {
    HttpRequest.Builder request = exchange.to("manifests/" + tag).header("Accept", ACCEPT).GET();
    HttpResponse<InputStream> answer = exchange.send(request, "pull");
    try (InputStream body = answer.body()) {
      if (answer.statusCode() == 404) {
        return null;
      }
      exchange.expect(answer, 200);
      byte[] bytes = body.readNBytes(MOST + 1);
      if (bytes.length > MOST) {
        throw new InputException(address + ": the manifest is longer than 4 MiB");
      }
      return bytes;
    }
  }

  @Override
  public InputStream blob(Descriptor blob) throws IOException {
    HttpResponse<InputStream> answer =
        exchange.follow(exchange.send(exchange.to("blobs/" + blob.digest()).GET(), "pull"));
    exchange.expect(answer, 200);
    return answer.body();
  }

  @Override
  public boolean put(Descriptor blob, Path file) throws IOException {
    HttpRequest.Builder head =
        exchange.to("blobs/" + blob.digest()).method("HEAD", BodyPublishers.noBody());
    if (exchange.status(head) == 200) {
      return false;
    }
    HttpResponse<InputStream> begun =
        exchange.send(exchange.to("blobs/uploads/").POST(BodyPublishers.noBody()), "push");
    exchange.expect(begun, 202);
    begun.body().close();
    String location = begun.headers().firstValue("Location").orElse("");
    String target = location + (location.contains("?") ? "&" : "?") + "digest=" + blob.digest();
    HttpResponse<InputStream> done =
        exchange.send(
            exchange
                .at(target, Files.size(file))
                .header("Content-Type", OCTETS)
                .PUT(BodyPublishers.ofFile(file)),
            "push");
    exchange.expect(done, 201);
    done.body().close();
    return true;
  }

  @Override
  public void put(Descriptor manifest, byte[] bytes, String tag) throws IOException {
    boolean known = send(tag.isEmpty() ? manifest.digest() : tag, bytes, MediaTypes.MANIFEST);
    Descriptor subject = Manifest.read(bytes, address.toString()).subject();
    if (subject != null && !known) {
      refer(subject, manifest);
    }
  }

  /// Uploads a manifest; returns whether the registry supports its subject.
  private boolean send(String tag, byte[] bytes, String type) throws IOException {
    HttpResponse<InputStream> answer =
        exchange.send(
            exchange
                .to("manifests/" + tag)
                .header("Content-Type", type)
                .PUT(BodyPublishers.ofByteArray(bytes)),
            "push");
    exchange.expect(answer, 201);
    answer.body().close();
    return answer.headers().firstValue("OCI-Subject").isPresent();
  }

  private void refer(Descriptor subject, Descriptor manifest) throws IOException {
    String tag = subject.digest().replace(':', '-');
    byte[] there = manifestOrNull(tag);
    Index index = there == null ? new Index(List.of()) : Index.read(there, address + ":" + tag);
    Index more =
        index.with(
            List.of(
                new Descriptor(
                    manifest.mediaType(),
                    manifest.digest(),
                    manifest.size(),
                    manifest.artifactType(),
                    new TreeMap<>())));
    send(
        tag,
        OciLayout.indexOf(more.manifests()).getBytes(StandardCharsets.UTF_8),
        MediaTypes.INDEX);
  }

  @Override
  public void close() {
    exchange.close();
  }
}
