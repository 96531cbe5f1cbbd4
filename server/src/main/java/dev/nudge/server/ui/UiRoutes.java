package dev.nudge.server.ui;

import dev.nudge.server.Routes;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.ui.UiFiles.UiFile;

/// `GET /`, `/ui` and below: static files, without authentication; the data routes have their own.
record UiRoutes() {
  private static final String ROOT = "/ui/";

  Routes add(Routes routes) {
    return routes
        .open("GET", "/", UiRoutes::home)
        .open("GET", "/ui", UiRoutes::toRoot)
        .open("GET", ROOT, UiRoutes::file)
        .open("GET", ROOT + "*", UiRoutes::file);
  }

  /// Redirects browsers to the page; others get a 404 that names routes.
  private static void home(Exchange exchange) {
    exchange.header("Vary", "Accept");
    String accept = exchange.header("Accept");
    if (accept == null || !accept.contains("text/html")) {
      throw ApiException.unknownUrl(
          "there is no GET / here; /v1/models lists models, and /ui is a page for browsers");
    }
    exchange.header("Location", ROOT);
    exchange.reply(302, "text/plain; charset=utf-8", "");
  }

  /// Redirects to an address with a trailing slash, because the page's links are relative.
  private static void toRoot(Exchange exchange) {
    exchange.header("Location", ROOT);
    exchange.reply(308, "text/plain; charset=utf-8", "");
  }

  private static void file(Exchange exchange) {
    UiFile file = UiFiles.find(exchange.path().substring(ROOT.length()));
    if (file == null) {
      throw ApiException.unknownUrl("there is no such file of /ui");
    }
    UiFiles.HEADERS.forEach(exchange::header);
    exchange.reply(200, file.type(), file.text());
  }
}
