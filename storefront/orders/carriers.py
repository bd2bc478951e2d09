"""The carriers and their tracking pages. To add a carrier, add it here."""

from __future__ import annotations

from urllib.parse import quote

MAX_CARRIER_LENGTH = 40  # characters

# By the name that staff choose and shoppers read. {} is the tracking number; pages without it ask for the number.
CARRIERS = {
    "Blue Dart": "https://www.bluedart.com/trackdartresultthirdparty?trackFor=0&trackNo={}",
    "Delhivery": "https://www.delhivery.com/track/package/{}",
    "DTDC": "https://www.dtdc.in/tracking.asp",
    "Ekart": "https://ekartlogistics.com/shipmenttrack/{}",
    "FedEx": "https://www.fedex.com/fedextrack/?trknbr={}",
    "India Post": "https://www.indiapost.gov.in/_layouts/15/dop.portal.tracking/trackconsignment.aspx",
    "XpressBees": "https://www.xpressbees.com/shipment/tracking?awbNo={}",
}


def tracking_url(carrier: str, number: str) -> str:
    """URL of a carrier's page about a shipment; empty for an unknown carrier or without a number."""
    pattern = CARRIERS.get(carrier, "")
    return pattern.format(quote(number, safe="")) if pattern and number else ""
