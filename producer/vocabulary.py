"""The words of the generated posts: what each category's posts are about. Data only."""

from __future__ import annotations

# a word a line would be four hundred lines
# fmt: off

SUBJECTS: dict[str, tuple[str, ...]] = {
    "art": (
        "Watercolor Landscape", "Charcoal Portrait", "Acrylic Pour", "Sketchbook Page", "Ink Drawing",
        "Abstract Canvas", "Digital Illustration", "Pencil Study", "Clay Sculpture", "Line Art Poster",
    ),
    "beauty": (
        "Smoky Eye Look", "Skincare Routine", "Nail Design", "Curly Hairstyle", "Natural Makeup", "Face Mask",
        "Bridal Hairdo", "Short Haircut", "Lip Balm", "Summer Glow",
    ),
    "christmas": (
        "Christmas Wreath", "Advent Calendar", "Gingerbread House", "Christmas Tree Ornament", "Holiday Table",
        "Stocking Stuffer", "Christmas Cookie", "Mantel Garland", "Snow Globe", "Gift Wrap",
    ),
    "diy-and-crafts": (
        "Paper Flower", "Macrame Wall Hanging", "Felt Animal", "Mason Jar Lamp", "Knitted Scarf", "Pallet Shelf",
        "Salt Dough Magnet", "Beaded Bracelet", "Origami Crane", "Tie Dye Shirt",
    ),
    "education": (
        "Reading Corner", "Math Game", "Classroom Display", "Science Experiment", "Spelling Worksheet", "Lesson Plan",
        "Study Schedule", "Alphabet Activity", "Bulletin Board", "Book Report",
    ),
    "event-planning": (
        "Wedding Timeline", "Birthday Party", "Baby Shower", "Table Setting", "Photo Booth", "Guest List",
        "Balloon Arch", "Dessert Table", "Garden Party", "Seating Chart",
    ),
    "finance": (
        "Savings Challenge", "Monthly Budget", "Side Hustle", "Debt Snowball", "Emergency Fund", "Passive Income",
        "Cash Envelope", "Investing Basics", "No Spend Month", "Retirement Plan",
    ),
    "home-decor": (
        "Living Room", "Gallery Wall", "Small Bathroom", "Farmhouse Kitchen", "Reading Nook", "Entryway Bench",
        "Bedroom Makeover", "Open Shelf", "Boho Rug", "Accent Wall",
    ),
    "mens-fashion": (
        "Linen Suit", "Denim Jacket", "Street Style Outfit", "Leather Boots", "Business Casual Look", "Winter Coat",
        "White Sneakers", "Capsule Wardrobe", "Wool Sweater", "Pocket Square",
    ),
    "quotes": (
        "Motivational Quote", "Words About Love", "Friendship Quote", "Monday Reminder", "Short Poem", "Life Lesson",
        "Quote of the Day", "Positive Affirmation", "Family Saying", "Travel Quote",
    ),
    "tattoos": (
        "Fine Line Tattoo", "Wrist Tattoo", "Floral Sleeve", "Geometric Tattoo", "Matching Tattoos", "Tiny Tattoo",
        "Dragon Tattoo", "Watercolor Tattoo", "Shoulder Piece", "Lettering Tattoo",
    ),
    "travel": (
        "Weekend in Lisbon", "Island Hopping", "Road Trip", "Packing List", "Hidden Beach", "City Guide",
        "Mountain Hike", "Train Journey", "Street Food Tour", "Campervan Trip",
    ),
    "vehicles": (
        "Classic Car", "Custom Motorcycle", "Camper Van", "Electric Truck", "Vintage Pickup", "Sports Coupe",
        "Off Road Build", "Garage Setup", "Cafe Racer", "Family Wagon",
    ),
}

TAGS: dict[str, tuple[str, ...]] = {
    "art": (
        "Art Drawings", "Art Sketches", "Canvas Art", "Art Inspo", "Painting", "Art Tutorials", "Aesthetic Art",
        "Art Journal", "Wall Art", "Arte", "Art Projects", "Illustration Art", "Drawing Tips",
    ),
    "beauty": (
        "Makeup Looks", "Hair Styles", "Skin Care", "Nail Art", "Beauty Hacks", "Beauty Secrets", "Eye Makeup",
        "Hair Color", "Beauty Tips", "Natural Beauty", "Face Care", "Glowing Skin", "Perfume",
    ),
    "christmas": (
        "Christmas Crafts", "Noel Christmas", "Xmas", "Christmas Decorations", "Winter Holidays", "Holiday Fun",
        "Diy Christmas Gifts", "Rustic Christmas", "Merry Christmas", "Navidad", "Holiday Recipes", "Ornaments",
        "Christmas Time",
    ),
    "diy-and-crafts": (
        "Diy Gifts", "Fun Crafts", "Paper Crafts", "Crafts For Kids", "Diy Projects", "Upcycle", "Handmade",
        "Home Crafts", "Easy Diy", "Yarn Crafts", "Sewing", "Creative Crafts", "Resin Art",
    ),
    "education": (
        "Teaching Ideas", "Homeschool", "Learning Activities", "Kids Education", "Classroom Ideas", "Study Tips",
        "Preschool", "Teacher Life", "Phonics", "Elementary Math", "Science For Kids", "School Organization",
        "Study Notes",
    ),
    "event-planning": (
        "Event Planning Tips", "Party Planning", "Wedding Planning", "Event Decor", "Party Themes", "Invitations",
        "Wedding Reception", "Event Design", "Party Food", "Corporate Events", "Bridal Shower", "Centerpieces",
        "Backdrops",
    ),
    "finance": (
        "Money Saving Tips", "Personal Finance", "Budgeting Money", "Financial Tips", "Make Money Online", "Invest",
        "Finance Organization", "Debt Free", "Money Management", "Side Income", "Saving Money", "Economics",
        "Business Finance",
    ),
    "home-decor": (
        "Home Decor Ideas", "Living Room Decor", "House Design", "Room Inspiration", "Interior Design", "Diy Home",
        "Bedroom Decor", "Home Living Room", "Apartment Decor", "Modern House", "Kitchen Ideas", "Décoration",
        "Cozy Home",
    ),
    "mens-fashion": (
        "Mens Outfits", "Men Street Style", "Mens Clothing", "Suits Men", "Casual Style", "Men Casual", "Menswear",
        "Gentleman Style", "Mens Shoes", "Mens Jackets", "Fashion Blogger", "Hipster Style", "Mode Homme",
    ),
    "quotes": (
        "Inspirational Quotes", "Life Quotes", "Words Quotes", "Love Quotes", "Wisdom", "Quotes To Live By", "Poetry",
        "Happy Quotes", "Funny Quotes", "Daily Reminders", "Mindfulness", "Self Love", "Sayings",
    ),
    "tattoos": (
        "Tattoo Ideas", "Small Tattoos", "Sleeve Tattoos", "Tattoo Designs", "Ink", "Body Art", "Tattoos For Women",
        "Tattoos For Guys", "Flower Tattoos", "Tatuajes", "Tattoo Drawings", "Arm Tattoos", "Henna",
    ),
    "travel": (
        "Travel Destinations", "Places To Visit", "Travel Tips", "Wanderlust", "Vacation Spots", "Bucket List",
        "Travel Photography", "Adventure", "Europe Travel", "Solo Travel", "Beautiful Places", "Voyage",
        "Backpacking",
    ),
    "vehicles": (
        "Cars", "Motorcycles", "Luxury Cars", "Dream Cars", "Trucks", "Vintage Cars", "Car Accessories", "Cool Cars",
        "Bikes", "Jeep", "Van Life", "Concept Cars", "Super Cars",
    ),
}

ADJECTIVES = (
    "Easy", "Simple", "Beautiful", "Modern", "Vintage", "Minimalist", "Creative", "Cozy", "Bold", "Colorful",
    "Affordable", "Elegant", "Rustic", "Unique", "Classic", "Fun", "Stunning", "Quick", "Clever", "Timeless",
)

OCCASIONS = (
    "Beginners", "a Rainy Sunday", "Spring", "Summer", "Autumn", "Winter", "Small Spaces", "the Whole Family",
    "Busy People", "Every Budget", "Your Next Weekend", "Students", "Kids and Grown-Ups", "the Holidays",
)

BLOG_WORDS = (
    "Home", "Craft", "Style", "Garden", "Little", "Happy", "Daily", "Wild", "Sunny", "Paper", "Honey", "Maple",
    "Cottage", "Studio", "Journal", "Corner", "Nest", "Atelier", "Bazaar", "Kitchen", "Décor", "Maison", "Niña",
    "Mode", "Café", "Journey", "Workshop", "Market",
)

EMOJI = (
    "✨", "🎄", "😍", "❤️", "🌿", "🔥", "💡", "🎨", "🏡", "👀", "🙌🏽", "🚗", "✈️", "💰",
)
