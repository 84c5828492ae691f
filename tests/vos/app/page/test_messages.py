"""Failures are sentences in the page, and a lost connection is shown and mended."""


def test_a_change_that_fails_is_a_sentence_and_the_page_goes_on(page):
    page.fake.fail_next = ["No space is left in the project's folder."]
    page.page.click("#add-object")
    page.has_text("#error-text", "No space is left in the project's folder.")
    page.page.click("#error-close")
    page.page.wait_for_selector("#error-line", state="hidden")
    page.click(60, 90)
    page.wait_for_mask()


def test_the_dot_of_a_click_that_fails_goes_away(page):
    page.click(200, 150)
    page.wait_for_mask()
    plain = page.pixel(60, 90)
    page.fake.fail_next = ["The weights are missing: run `vos weights --fetch`."]
    page.click(60, 90)
    page.has_text("#error-text", "The weights are missing")
    page.page.wait_for_timeout(50)
    assert page.pixel(60, 90) == plain


def test_a_frame_that_is_broken_is_named(page):
    page.page.fill("#frame-number", "55")
    page.page.locator("#frame-number").press("Enter")
    page.has_text("#error-text", "Frame 55 of clip.mp4 cannot be decoded.")
    page.has_text("#notes", "Frame 55 cannot be shown. This is 0.")
    page.press("ArrowRight")
    page.wait(frame=56)


def test_a_job_that_fails_is_a_sentence(page):
    data = {"source": "s1", "job": "j9", "kind": "propagate"}
    page.server.call(page.fake.send, "job", data | {"state": "running", "done": 1, "total": 9})
    page.wait(job="running")
    end = {"state": "failed", "error": "There is not enough memory for frame 12."}
    page.server.call(page.fake.send, "job", data | end)
    page.has_text("#error-text", "There is not enough memory for frame 12.")
    page.wait(job="")


def test_features_that_are_computed_are_noted(page):
    page.wait(features="ready")
    data = {"source": "s1", "frame": 0}
    page.server.call(page.fake.send, "features", data | {"state": "computing"})
    page.has_text("#notes", "Computing the features")
    error = {"state": "failed", "error": "The weights are missing."}
    page.server.call(page.fake.send, "features", data | error)
    page.has_text("#notes", "The weights are missing.")


def test_a_provisional_mask_is_noted_and_the_final_one_follows(page):
    page.click(60, 90)
    first = page.wait_for_mask()
    project = page.fake.sources["s1"]
    provisional = project.state["frames/0"] | {"provisional": True}
    delta = project.change("click", {"frames/0": provisional}, join=True)
    page.server.call(page.fake.send, "changed", {"source": "s1", **delta})
    page.has_text("#notes", "Provisional mask")
    ids = project.masks[first].copy()
    ids[:20, :20] = 1
    delta = project.change("click", {"frames/0": project.frame_entry(ids, "prompt", 1.0)})
    page.server.call(page.fake.send, "changed", {"source": "s1", **delta})
    page.wait_for_mask(but_not=first)
    page.wait(provisional="false")


def test_a_lost_connection_is_shown_and_what_was_missed_arrives(page):
    page.fake.is_down = True
    page.server.call(page.fake.drop_connections)
    page.wait(connection="down")
    page.page.route("**/changes", lambda route: route.abort())
    page.page.click("#add-object")
    page.has_text("#error-text", "The server does not answer")
    page.has_text("#connection-line", "connection to the server is lost")
    page.fake.sources["s1"].perform({"action": "add_object", "name": "made elsewhere"})
    page.fake.is_down = False
    page.wait(connection="up")
    page.page.wait_for_selector("#connection-line", state="hidden")
    page.page.wait_for_selector("#error-line", state="hidden")
    page.has_text("#objects", "made elsewhere")


def test_a_change_made_in_another_browser_is_shown(page):
    delta, _ = page.fake.sources["s1"].perform({"action": "add_object", "name": "from afar"})
    page.server.call(page.fake.send, "changed", {"source": "s1", **delta})
    page.has_text("#objects", "from afar")


def test_an_event_that_was_lost_is_made_up_for(page):
    project = page.fake.sources["s1"]
    project.perform({"action": "add_object", "name": "lost"})
    delta, _ = project.perform({"action": "add_object", "name": "arrived"})
    page.server.call(page.fake.send, "changed", {"source": "s1", **delta})
    page.has_text("#objects", "arrived")
    page.has_text("#objects", "lost")


def test_a_server_that_is_gone_is_said(page):
    page.page.route("**/changes", lambda route: route.abort())
    page.page.click("#add-object")
    page.has_text("#error-text", "The server does not answer")


def test_an_answer_that_forbids_is_said(page):
    page.page.route("**/changes", lambda route: route.fulfill(status=403, body="no"))
    page.page.click("#add-object")
    page.has_text("#error-text", "Open the address that `vos app` printed")


def test_why_no_source_can_be_opened_is_said_at_once(empty_page):
    empty_page.fake.names["s1"] = "clip.mp4"
    empty_page.fake.unopenable["s1"] = "the project is open elsewhere: in use by process 12"
    empty_page.open()
    empty_page.has_text("#error-text", "in use by process 12")
    empty_page.has_text(".source-error", "in use by process 12")
