"""Who brings parcels, and where they show where one is. The one place to name a carrier."""

from __future__ import annotations

from urllib.parse import quote

MAX_CARRIER_LENGTH = 40  # characters

# By name, as staff choose it and shoppers read it. {} is the number; a page without it asks for the number.
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
    """Where a carrier shows a parcel; empty when nobody knows."""
    pattern = CARRIERS.get(carrier, "")
    return pattern.format(quote(number, safe="")) if pattern and number else ""
